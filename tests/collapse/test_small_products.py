"""The training tasks' process settings, and that they end with the task."""

import numpy as np
import pytest
import torch

from dropatlas.tasks.collapse.common import small_products


def smallest_survives() -> bool:
    return bool(np.float64(1e-310) / 2 > 0) and bool(torch.tensor(1e-310, dtype=torch.float64) / 2 > 0)


def test_denormal_numbers_and_threads_are_put_back_even_after_an_error():
    threads = torch.get_num_threads()

    @small_products(threads + 1)
    def fail():
        assert not smallest_survives()
        assert torch.get_num_threads() == threads + 1
        raise KeyError

    assert smallest_survives()
    for _ in range(2):  # as a decorator it is used again and again
        with pytest.raises(KeyError):
            fail()
        assert smallest_survives()
        assert torch.get_num_threads() == threads
