"""Codes hold the rows, and choices are the best there are."""

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from microbotnet.backends.c.choose import KERNELS, choose
from microbotnet.backends.c.codes import EACH, encode_codes, in_chunks
from microbotnet.backends.c.kernel_call import KernelCall


@given(st.integers(1, 9), st.integers(1, 40), st.sampled_from(EACH), st.integers(0, 2**32 - 1))
def test_rows_come_back(rows: int, inputs: int, each: int, seed: int) -> None:
    weights = np.random.default_rng(seed).integers(-1, 2, (rows, inputs)).astype(np.int8)
    codes = encode_codes(weights, each)
    digits = codes[:, :, None] // 3 ** np.arange(each) % 3
    np.testing.assert_array_equal(digits.reshape(rows, -1)[:, :inputs] - 1, weights)
    assert (digits.reshape(rows, -1)[:, inputs:] == 1).all()


def test_codes_by_hand() -> None:
    assert encode_codes(np.array([[1, -1, 0, 0, 1, -1]], np.int8), 5).tolist() == [
        [2 + 0 * 3 + 9 + 27 + 2 * 81, 0 + 3 + 9 + 27 + 81]
    ]
    assert in_chunks(np.array([[1, 2, 3], [4, 5, 6]], np.uint8), 2).tolist() == [1, 2, 4, 5, 3, 6]


def form(kernel: str, size: int, instructions: int) -> KernelCall:
    return KernelCall((), f"{kernel}()", arrays={"weights": np.zeros(size, np.uint8)}, instructions=instructions)


def test_a_mix_adds_what_spares_most_for_each_byte() -> None:
    slow = [form("ternary", 1000, 10), form("ternary", 950, 1000)]
    slower = [form("ternary", 1000, 10), form("ternary", 960, 500), form("ternary", 940, 2000)]
    assert [f.bytes for f in choose([slow, slower], "size", 0)] == [950, 940]
    assert [f.bytes for f in choose([slow, slower], "size")] == [950, 960]  # a hundredth: 28 bytes
    assert [f.bytes for f in choose([slow, slower], "size", 20)] == [950, 960]
    assert [f.bytes for f in choose([slow, slower], "size", 70)] == [1000, 960]
    assert [f.bytes for f in choose([slow, slower], "size", 110)] == [1000, 1000]
    assert [f.bytes for f in choose([slow, slower], "speed")] == [1000, 1000]


def test_a_kernel_must_save_its_own_bytes() -> None:
    saved = KERNELS["tabled2"] // 2
    layer = [form("ternary", 1000, 1), form("tabled2", 1000 - saved - 10, 1)]
    assert choose([layer], "size", 0) == [layer[1]]  # either needs a kernel
    other = [form("ternary", 1000, 1)]
    assert choose([layer, other], "size", 0) == [layer[0], *other]
    assert choose([layer, layer, layer, other], "size", 0) == [layer[1], layer[1], layer[1], *other]


def test_layers_that_need_the_same_kernel_share_its_bytes() -> None:
    kernel = KERNELS["depthwise_ternary"]
    slow, fast = form("depthwise", 1000, 1000), form("depthwise_ternary", 1010, 100)
    own = replace(form("depthwise", 1000, 480), functions={"straight": ""}, code=kernel // 2)
    layer, other = [slow, fast, own], [form("depthwise", 1000, 1)]  # which keeps the slow kernel in
    assert choose([layer, other], "size", kernel) == [own, *other]
    assert choose([layer, other], "size", kernel + 10) == [fast, *other]
    assert choose([*[layer] * 3, other], "size", kernel + 30) == [*[fast] * 3, *other]
    assert choose([*[layer] * 3, other], "size", kernel // 2) == [*[own] * 3, *other]  # one function for all
