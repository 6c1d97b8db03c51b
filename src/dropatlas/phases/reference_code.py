"""What the public reference code of arXiv 2510.07554 gives, read off one run per width.

Its teacher is known: parameters come from JAX's `PRNGKey(0)` (threefry).
"""

REFERENCE_STEP = 30
REFERENCE = {
    "ram": {200: 0.195, 1000: 0.093},
    "pn_ram": {200: 0.253, 1000: 0.142},
    "none": {200: 0.43, 1000: 0.40},
}
"""RMS distances to dropout after `REFERENCE_STEP` steps, by variant and width."""
