"""Threefry-2x32 against the published test vectors, and JAX's functions against JAX itself (0.10.2, both layouts)."""

import numpy as np
import pytest

from dropatlas.phases.threefry import Jax, prng_key, threefry

# Random123's known answers: key, counter, result
KNOWN = [
    ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
    ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0x1CB996FC, 0xBB002BE7)),
    ((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xC4923A9C, 0x483DF7A0)),
]

# of PRNGKey(42): split(key, 3), then of the second uniform (5,), of the third normal (2, 3), of the first bernoulli 0.7
JAX = {
    False: (
        [[3134548294, 3733159049], [3746501087, 894150801], [801545058, 2363201431]],
        [0.034140944480895996, 0.31827032566070557, 0.7752270698547363, 0.05494236946105957, 0.8659249544143677],
        [[0.25185441970825195, 0.8842529058456421, 0.2307732105255127]]
        + [[0.011475954204797745, -1.1791473627090454, 0.3819260597229004]],
        [0, 1, 0, 0, 1, 0, 0, 1, 0, 1, 0, 0],
    ),
    True: (
        [[1832780943, 270669613], [64467757, 2916123636], [2465931498, 255383827]],
        [0.7276642322540283, 0.787867546081543, 0.18169426918029785, 0.2626302242279053, 0.11072933673858643],
        [[0.4323064982891083, 0.587263822555542, -1.141674280166626]]
        + [[-0.37379905581474304, -0.19910173118114471, -1.727109432220459]],
        [1, 1, 0, 1, 1, 1, 0, 1, 1, 0, 1, 1],
    ),
}


@pytest.mark.parametrize(("key", "counter", "result"), KNOWN)
def test_threefry_gives_the_known_answers(key, counter, result):
    words = np.array(counter, dtype=np.uint32)
    found = threefry(np.array(key, dtype=np.uint32), words[:1], words[1:])
    assert tuple(int(word[0]) for word in found) == result


@pytest.mark.parametrize("partitionable", [False, True])
def test_streams_are_those_of_jax(partitionable):
    jax = Jax(partitionable)
    keys, uniform, normal, bernoulli = JAX[partitionable]
    split = jax.split(prng_key(42), 3)
    assert split.tolist() == keys
    assert jax.uniform(split[1], (5,)).tolist() == uniform
    np.testing.assert_allclose(jax.normal(split[2], (2, 3)), normal, rtol=2e-5)
    assert jax.bernoulli(split[0], 0.7, (12,)).astype(int).tolist() == bernoulli


def test_numbers_have_the_laws_they_are_named_after():
    jax = Jax(partitionable=True)
    uniform, normal = jax.uniform(prng_key(1), (20_000,)), jax.normal(prng_key(2), (20_000,))
    assert 0 <= uniform.min() <= uniform.max() < 1
    assert (uniform.mean(), uniform.var()) == pytest.approx((1 / 2, 1 / 12), abs=0.01)
    assert (normal.mean(), normal.var(), (normal**4).mean()) == pytest.approx((0, 1, 3), abs=0.1)
    assert jax.bernoulli(prng_key(3), 0.3, (20_000,)).mean() == pytest.approx(0.3, abs=0.01)
