"""Gradient norms under masks, and what momentum and Adam make of them.

E‖f ⊙ g‖ = θ E[‖f ⊙ g‖ | path]: a step without a path has no gradient (Theorem V.7). The first factor is the paper's,
the second says how much of the signal masks with a path let through. They are compared at the start of training: the
network without dropout learns, and its gradients fall with its loss.

Momentum (heavy ball, decay β): w_T - w_0 = -Σ_t α Σ_{s<=t} β^{t-s} f_s ⊙ g_s, and a geometric series gives
E‖w_T - w_0‖ <= M θ Σα / (1 - β), with M for the run's own gradients. Crossed steps stay what moves weights.

Adam divides by the root mean square of the gradient, so that its path stays as it is when the loss is multiplied by c,
while M is: no bound proportional to gradient norms can hold, and movement over M θ Σα says nothing. A share θ of the
steps with gradients of size c makes the mean 0.1 c in a crossed step, decaying over the next, and the root mean square
about √θ c. So a crossed step moves each weight by about α/√θ, whatever c is, and learning should take 1/√θ times as
many steps as without masks, not 1/θ.
"""

from itertools import product
from typing import Annotated, Literal

from pydantic import Field

from dropatlas.collapse.members import GAINS, Member
from dropatlas.collapse.settings import Width
from dropatlas.settings import Count, Grid, OpenProbability, Section
from dropatlas.steps import log_spaced_steps

Rate = Annotated[float, Field(gt=0, le=10)]


class GradientNorms(Section):
    """Norms of gradients at initialisation and along training, with masks and without."""

    depths: Grid[Count] = Field(description="hidden layers L")
    width: Width = Field(description="vertices per layer W")
    drop_rates: Grid[OpenProbability] = Field(description="removal probabilities p")
    learning_rate: Rate = Field(description="learning rate alpha, constant")
    initial_steps: Count = Field(description="steps that count as initialisation")
    steps: Count = Field(description="training steps T")
    seeds: Annotated[int, Field(ge=10)] = Field(description="networks per cell, each with a twin without dropout")
    batch_size: Count = Field(description="samples per step, drawn with replacement")

    def members(self) -> list[Member]:
        """Networks of one depth: without dropout, and with every drop rate at both gains."""
        kinds = [(0.0, "none", "plain"), *((p, "dropout", gain) for p, gain in product(self.drop_rates, GAINS))]
        return [
            Member(self.width, p, kind, self.learning_rate, gain, i)
            for p, kind, gain in kinds
            for i in range(self.seeds)
        ]


class Optimiser(Section):
    """How networks are trained."""

    name: Literal["sgd", "momentum", "adam"] = Field(description="plain descent, heavy ball (0.9) or Adam (0.9, 0.999)")
    learning_rate: Rate = Field(description="learning rate alpha, constant")


class Optimisers(Section):
    """Movement and time to learn under momentum and Adam."""

    optimisers: Grid[Optimiser] = Field(description="optimisers with their learning rates")
    depth: Count = Field(description="hidden layers L")
    widths: Grid[Width] = Field(description="vertices per layer W; at 1 a mask cuts or spares everything")
    thetas: Grid[OpenProbability] = Field(description="crossing probabilities; p is solved for")
    steps: Count = Field(description="training steps T")
    measurements: Count = Field(description="measurements per run, evenly spaced in log step")
    target: OpenProbability = Field(description="'learned' means: test loss at most this share of the trivial loss")
    seeds: Annotated[int, Field(ge=10)] = Field(description="networks per cell; half of them estimate M")
    batch_size: Count = Field(description="samples per step, drawn with replacement")
    test_samples: Annotated[int, Field(ge=10, le=1000)] = Field(description="test samples used at every measurement")

    def measured_steps(self) -> list[int]:
        """Steps after which every network is measured."""
        return log_spaced_steps(self.steps, self.measurements)

    def networks(self) -> list[tuple[int, float, int]]:
        """Width, θ (1: the control without dropout) and number of the seed of one optimiser's networks."""
        return list(product(self.widths, [1.0, *self.thetas], range(self.seeds)))
