"""The runs of the public reference code of arXiv 2510.07554 (Figure 2), repeated with its own random numbers.

Its notebook draws everything from JAX's `PRNGKey(0)`. Order of the keys: the root is split into five (the rest, inputs,
teacher's input weights, teacher's output weights, validation inputs); the rest into one per width; that into one per
repeat. A run splits its key into three (chain, input weights, output weights); every step takes a key off the chain
and splits it into that of the mask and that of the second forward mask. All repeats share one teacher and one data set.

Two sets of runs are known:

- `FIGURE`: the figure itself, 10 repeats of five widths, by JAX 0.4.35 (the authors' environment), whose threefry is
  not partitionable. Its numbers are published as a picture alone.
- `READ_OFF`: one run per width of which six distances were read off (`READ`). Its key is the rest of the root, of a JAX
  whose threefry is partitionable; we found key and layout by trying the orders above against the six numbers.

Source: github.com/PierreMarion23/dropout-phase-diagram, `teacher_student_dropout.ipynb`; nothing of it is copied.
"""

from typing import Literal

Runs = Literal["figure", "read off"]
FIGURE: Runs = "figure"
READ_OFF: Runs = "read off"
FIGURE_STEP = 100
"""Step of the log-log figure of distances over the width."""
FIGURE_WIDTHS = (200, 500, 1000, 2000, 5000)
FIGURE_REPEATS = 10

READ_STEP = 30
READ = {
    "ram": {200: "0.195", 1000: "0.093"},
    "pn_ram": {200: "0.253", 1000: "0.142"},
    "none": {200: "0.43", 1000: "0.40"},
}
"""RMS distances to dropout after `READ_STEP` steps, as printed, by variant and width."""
