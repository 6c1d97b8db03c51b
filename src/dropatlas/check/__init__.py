"""Do dropout masks cut a network, or drown its signal? A check for any `nn.Module`, from arXiv 2512.13853 and beyond.

`check_module(module, inputs)` runs the module; `check_network(widths, drop_rate)` needs none. Both give a
`MaskCheck`, which `print` shows.
"""

from dropatlas.check.module import check_module
from dropatlas.check.network import check_network
from dropatlas.check.result import MaskCheck, PercolationWarning

__all__ = ["MaskCheck", "PercolationWarning", "check_module", "check_network"]
