"""Depthwise convolutions in stripes, on an emulated Cortex-M0, whose straight code no other machine runs."""

from dataclasses import replace

import numpy as np
import pytest

from microbotnet.integer.operators import Convolve, Lookup, SumPool
from microbotnet.integer.program import Pair, Program, Requantize, Tensor
from microbotnet.integer.samples import random_pictures


def depthwise(size: Pair, kernel: Pair, stride: Pair, padding: Pair, pre_shift: int) -> Program:
    """Three channels of a picture under kernels of 8 bits, then their sums."""
    rng = np.random.default_rng(size[0] * size[1])
    rows, columns = ((n + 2 * p - k) // s + 1 for n, k, s, p in zip(size, kernel, stride, padding, strict=True))
    weights = rng.integers(-127, 128, (3, 1, *kernel)).astype(np.int8)
    multiplier = rng.integers(300 << pre_shift, 600 << pre_shift, 3).astype(np.int32)
    how = Requantize(multiplier, rng.integers(-9999, 9999, 3).astype(np.int32), pre_shift, 16, -128, 127)
    scores = Requantize(np.array([1], np.int32), np.array([0], np.int32), 3, 0, -32768, 32767)
    tensors = {
        "picture": Tensor("picture", (3, *size), "uint8", 1.0, 0, 0, 255),
        "x": Tensor("x", (3, *size), "int8", 1.0, -5, -128, 127),
        "y": Tensor("y", (3, rows, columns), "int8", 1.0, 0, -128, 127),
        "scores": Tensor("scores", (3, 1, 1), "int16", 1.0, 0, -32768, 32767),
    }
    operators = (
        Lookup("input", "picture", "x", np.arange(-128, 128).astype(np.int8)[None]),
        Convolve("depthwise", "x", "y", weights, 8, stride, padding, 3, how),
        SumPool("last", "y", "scores", (rows, columns), (1, 1), scores),
    )
    return Program(tensors, operators, "picture", ("scores",), ("a", "b", "c"))


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "padding", "pre_shift"),
    [
        ((8, 8), (3, 3), (1, 1), (1, 1), 8),
        ((16, 16), (3, 3), (2, 2), (1, 1), 0),
        ((9, 7), (5, 5), (1, 1), (2, 2), 5),  # 63 values: not in fours
        ((11, 13), (5, 3), (3, 2), (0, 1), 0),  # rows that no window reads
        ((6, 31), (2, 4), (1, 3), (1, 0), 3),  # as wide as it may be; more zeros below than above
        ((3, 1), (3, 1), (1, 1), (2, 0), 0),  # one column
    ],
)
def test_every_output_is_the_interpreters(
    size: Pair, kernel: Pair, stride: Pair, padding: Pair, pre_shift: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("unicorn", "elftools", "ziglang"):
        pytest.importorskip(module, reason=f"{module} of the extra mcu is not installed")
    from microbotnet.backends.c.unrolled import Unrolled
    from microbotnet.mcu.board import load_board
    from microbotnet.mcu.firmware import make_firmware

    monkeypatch.setattr(Unrolled, "possible", False)  # it is faster where the map is small
    made = make_firmware(depthwise(size, kernel, stride, padding, pre_shift), load_board("microbit"))
    assert any(name.startswith("net_stripes_") for name in made.image.addresses)
    assert made.run(random_pictures(made.program, 4)).bit_exact


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "padding", "pre_shift"),
    [
        ((5, 36), (3, 3), (1, 1), (1, 1), 8),
        ((7, 33), (3, 3), (2, 2), (1, 1), 0),  # an odd column, which the last window reads
        ((4, 70), (3, 5), (1, 2), (1, 0), 3),  # columns that no window reads
    ],
)
def test_rows_of_any_length(
    size: Pair, kernel: Pair, stride: Pair, padding: Pair, pre_shift: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("unicorn", "elftools", "ziglang"):
        pytest.importorskip(module, reason=f"{module} of the extra mcu is not installed")
    from microbotnet.mcu.board import load_board
    from microbotnet.mcu.firmware import make_firmware

    program = depthwise(size, kernel, stride, padding, pre_shift)
    y = program.tensors["y"]
    if y.shape[2] % 4:
        with_fours = y.shape[2] // 4 * 4
        last = program.operators[-1]
        program = replace(
            program,
            tensors=program.tensors | {"y": replace(y, shape=(3, y.shape[1], with_fours))},
            operators=(*program.operators[:-1], replace(last, kernel=(y.shape[1], with_fours))),
        )
    made = make_firmware(program, load_board("microbit"))
    assert any(name.startswith("net_wide_") for name in made.image.addresses)
    assert made.run(random_pictures(made.program, 3)).bit_exact
