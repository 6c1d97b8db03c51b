import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """Small tensors: more threads only wait for one another."""
    torch.set_num_threads(1)
