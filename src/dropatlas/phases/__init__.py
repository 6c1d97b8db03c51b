"""Dropout of two-layer networks in the mean-field regime (arXiv 2510.07554).

`classify_phase(width, learning_rate, keep_rate)` says which phase of dropout a network is in; `particle_rates` turns
the learning rate of an ordinary parametrisation into the two rates between which its τ lies. Neither needs torch.
"""

from dropatlas.phases.classification import Phase, classify_phase
from dropatlas.phases.practice import particle_rates

__all__ = ["Phase", "classify_phase", "particle_rates"]
