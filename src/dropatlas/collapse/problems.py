"""What the networks are to learn: ten digits, or a linear teacher whose best loss is known.

Inputs have mean zero and mean square one, so that a bias-free network's output for them has mean near zero. The
*trivial* loss is that of the best constant output: log 10 for balanced digits, half the targets' mean square for the
teacher. A mask without a path makes every bias-free network trivial; "learned" always means: clearly below the
trivial loss.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from dropatlas.data import DataSet
from dropatlas.randomness import generator


@dataclass(frozen=True)
class Problem:
    """A supervised problem.

    Attributes:
        name: "digits", "regression" or "offset regression".
        data: Name of the data for readers.
        train_x: Training inputs, shape (N, inputs).
        train_y: Class labels (N,) int64, or targets (N, outputs).
        test_x: Inputs for evaluation, shape (M, inputs).
        test_y: Their labels or targets.
        outputs: Output dimension.
        trivial_loss: Loss of the best constant output.
        best_loss: Loss that no predictor can beat (0 where unknown).
    """

    name: str
    data: str
    train_x: Tensor
    train_y: Tensor
    test_x: Tensor
    test_y: Tensor
    outputs: int
    trivial_loss: float
    best_loss: float

    @property
    def classes(self) -> bool:
        """Whether it is a classification with cross-entropy (otherwise regression with half the squared error)."""
        return self.train_y.dtype == torch.int64

    def losses(self, output: Tensor, target: Tensor) -> Tensor:
        """Loss of every sample.

        Args:
            output: Shape (R, B, outputs).
            target: Shape (R, B) labels or (R, B, outputs) targets.

        Returns:
            Shape (R, B).
        """
        if self.classes:
            return torch.logsumexp(output, -1) - output.gather(-1, target.unsqueeze(-1)).squeeze(-1)
        return 0.5 * (output - target).square().sum(-1)

    def output_gradient(self, output: Tensor, target: Tensor) -> Tensor:
        """Gradient of the batch mean of `losses` with respect to the output, shape (R, B, outputs)."""
        if self.classes:
            gradient = torch.softmax(output, -1)
            gradient.scatter_add_(-1, target.unsqueeze(-1), torch.full_like(gradient[..., :1], -1.0))
        else:
            gradient = output - target
        return gradient.div_(output.shape[1])


def digits_problem(
    data: DataSet, seed: int, test_samples: int, dtype: torch.dtype = torch.float32, device: str = "cpu"
) -> Problem:
    """MNIST digits, averaged to 7x7 pixels and standardised by the training images.

    Args:
        data: Images of shape (N, 1, 28, 28): `digits5k` or MNIST.
        seed: Root seed of the choice of test images.
        test_samples: Test images used, at most as many as there are.
        dtype: Floating type of the inputs.
        device: Torch device.
    """

    def pooled(images: np.ndarray) -> np.ndarray:
        return images.reshape(len(images), 7, 4, 7, 4).mean(axis=(2, 4)).reshape(len(images), 49)

    train, test = (
        pooled(np.asarray(data.train_images[:, 0], dtype=float)),
        pooled(np.asarray(data.test_images[:, 0], dtype=float)),
    )
    mean = train.mean(axis=0)
    spread = (train - mean).std()
    chosen = generator(seed, "collapse", "digits evaluation").permutation(len(test))[:test_samples]
    train_y, test_y = np.asarray(data.train_labels), np.asarray(data.test_labels)[chosen]
    frequencies = np.bincount(train_y, minlength=10) / len(train_y)
    return Problem(
        name="digits",
        data=data.label,
        train_x=torch.tensor((train - mean) / spread, dtype=dtype, device=device),
        train_y=torch.tensor(train_y, device=device),
        test_x=torch.tensor((test[chosen] - mean) / spread, dtype=dtype, device=device),
        test_y=torch.tensor(test_y, device=device),
        outputs=10,
        trivial_loss=float(-np.log(frequencies[test_y]).mean()),
        best_loss=0.0,
    )


def regression_problem(
    seed: int,
    inputs: int = 16,
    outputs: int = 1,
    samples: int = 4096,
    test_samples: int = 256,
    noise: float = 0.1,
    offset: float = 0.0,
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
) -> Problem:
    """A noisy linear teacher: y = V x + offset + noise·ε, x and ε standard normal, rows of V of norm 0.8.

    Args:
        seed: Root seed.
        inputs: Input dimension.
        outputs: Output dimension; the rows of V are orthogonal.
        samples: Training samples.
        test_samples: Evaluation samples.
        noise: Standard deviation of the noise on every target; the best loss is outputs·noise²/2.
        offset: Constant added to every target: what a network with biases can learn without seeing its input. Bias-free
            tanh networks are odd functions and cannot.
        dtype: Floating type.
        device: Torch device.
    """
    rng = generator(seed, "collapse", "teacher", inputs, outputs)
    teacher = 0.8 * np.linalg.qr(rng.standard_normal((inputs, outputs)))[0]  # 0.8 keeps targets in reach of tanh layers
    x = rng.standard_normal((samples + test_samples, inputs))
    y = offset + x @ teacher + noise * rng.standard_normal((samples + test_samples, outputs))
    x_t, y_t = (torch.tensor(values, dtype=dtype, device=device) for values in (x, y))
    return Problem(
        name="regression" if offset == 0 else "offset regression",
        data="synthetic",
        train_x=x_t[:samples],
        train_y=y_t[:samples],
        test_x=x_t[samples:],
        test_y=y_t[samples:],
        outputs=outputs,
        trivial_loss=float(0.5 * y[samples:].var(axis=0).sum()),
        best_loss=0.5 * outputs * noise**2,
    )
