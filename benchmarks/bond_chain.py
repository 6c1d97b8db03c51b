"""Time and accuracy of the exact bond crossing probability.

    python benchmarks/bond_chain.py

Accuracy is measured against the same chain in 900-digit arithmetic (mpmath), where that is feasible.
"""

import time

import mpmath

from dropatlas.percolation import bond_crossing_probability, bond_extinction_probability

TIMED = [
    ("W = 100, L = 1,000", 0.4, 100, 1000),
    ("W = 100, L = 1,000, near critical", 0.988, 100, 1000),
    ("W = 2,000, L = 100", 0.4, 2000, 100),
    ("W = 2,000, L = 100, near critical", 0.9995, 2000, 100),
    ("W = 20, L = 10^9", 0.4, 20, 10**9),
    ("W = 20, L = 10^9, near critical", 0.88, 20, 10**9),
]
CHECKED = [
    (0.3, 2, 50),
    (0.9, 5, 10**3),
    (0.999, 4, 60),
    (0.25, 4, 10**9),
    (0.5, 5, 10**9),
    (1e-12, 5, 10**9),
    (2e-20, 4, 10**9),
    (1e-151, 2, 10**300),
]


def precise_extinction(p, width, depth):
    with mpmath.workdps(900):
        p = mpmath.mpf(p)
        transition = mpmath.matrix(
            [
                [mpmath.binomial(width, j) * (1 - p**k) ** j * p ** (k * (width - j)) for j in range(width + 1)]
                for k in range(width + 1)
            ]
        )
        return (transition ** (depth + 1))[width, 0]


def main():
    print(f"{'network':36} {'p':>7} {'seconds':>9} {'θ':>12} {'1 - θ':>12}")
    for name, p, width, depth in TIMED:
        start = time.perf_counter()
        crossing = bond_crossing_probability(p, width, depth)
        seconds = time.perf_counter() - start
        extinction = bond_extinction_probability(p, width, depth)
        print(f"{name:36} {p:7g} {seconds:9.4f} {crossing:12.5g} {extinction:12.5g}")
    print(f"\n{'p':>8} {'W':>3} {'L':>7} {'1 - θ':>22} {'relative error':>15}")
    for p, width, depth in CHECKED:
        value, exact = bond_extinction_probability(p, width, depth), precise_extinction(p, width, depth)
        error = float(abs(value - exact) / exact)
        print(f"{p:8g} {width:3} {float(depth):7.0e} {value:22.15g} {error:15.1e}")


if __name__ == "__main__":
    main()
