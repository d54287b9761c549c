"""The interpreter against PyTorch on integers, and against numbers worked by hand."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch.nn import functional as F

from microbotnet.errors import BadInput
from microbotnet.integer.interpreter import run, run_all
from microbotnet.integer.operators import Add, Concatenate, Convolve, Gate, Lookup, MaxPool, Operator, SumPool
from microbotnet.integer.program import Program, Requantize, Tensor
from microbotnet.integer.samples import random_pictures, random_program

Ints = NDArray[np.int32]


def how(
    multiplier: int = 1, offset: int = 0, pre_shift: int = 0, shift: int = 0, low: int = -128, high: int = 127
) -> Requantize:
    return Requantize(np.array([multiplier], np.int32), np.array([offset], np.int32), pre_shift, shift, low, high)


def of(*numbers: int) -> Ints:
    return np.array(numbers, np.int32).reshape(1, 1, 1, -1)


def applied(operator: Operator, *inputs: tuple[Ints, int], shape: tuple[int, int, int]) -> Ints:
    """What the operator makes of int8 inputs (values, zero point)."""
    tensors, values = {}, {}
    for name, (x, zero_point) in zip(operator.inputs, inputs, strict=True):
        tensors[name] = Tensor(name, x.shape[1:], "int8", 1.0, zero_point, -128, 127)
        values[name] = x
    tensors[operator.output] = Tensor(operator.output, shape, "int8", 1.0, 0, -128, 127)
    program = Program(tensors, (operator,), "", (operator.output,))
    return operator.compute([values[name] for name in operator.inputs], *program.of(operator))


@settings(max_examples=60)
@given(st.data())
def test_a_convolution_is_pytorchs(data: st.DataObject) -> None:
    groups = data.draw(st.sampled_from([1, 1, 2, 3]))
    inputs, outputs = groups * data.draw(st.integers(1, 3)), groups * data.draw(st.integers(1, 3))
    rows, columns = data.draw(st.integers(1, 7)), data.draw(st.integers(1, 7))
    padding = data.draw(st.integers(0, 2)), data.draw(st.integers(0, 2))
    stride = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 3))
    kernel = data.draw(st.integers(1, rows + 2 * padding[0])), data.draw(st.integers(1, columns + 2 * padding[1]))
    zero_point = data.draw(st.integers(-128, 127))
    rng = np.random.default_rng(data.draw(st.integers(0, 999)))
    x = rng.integers(-128, 128, (2, inputs, rows, columns)).astype(np.int32)
    weights = rng.integers(-127, 128, (outputs, inputs // groups, *kernel)).astype(np.int8)
    operator = Convolve("c", "x", "y", weights, 8, stride, padding, groups, how())
    given = Tensor("x", (inputs, rows, columns), "int8", 1.0, zero_point, -128, 127)
    # padding with the zero point is padding with nothing, once the zero point is taken away
    centred = torch.from_numpy(x - zero_point).double()
    expected = F.conv2d(centred, torch.from_numpy(weights).double(), None, stride, padding, 1, groups)
    whole = weights.reshape(outputs, -1).sum(1, dtype=np.int64)[:, None, None]
    assert (operator.accumulate(x, given, expected.shape[1:]) == expected.numpy() + whole * zero_point).all()


def test_a_linear_layer_covers_the_map() -> None:
    x = np.arange(12, dtype=np.int32).reshape(1, 3, 2, 2)
    weights = np.arange(24).reshape(2, 3, 2, 2).astype(np.int8)
    operator = Convolve("l", "x", "y", weights, 8, (1, 1), (0, 0), 1, how())
    given = Tensor("x", (3, 2, 2), "int8", 1.0, 0, -128, 127)
    found = operator.accumulate(x, given, (2, 1, 1)).reshape(-1)
    assert found.tolist() == (weights.reshape(2, 12) @ x.reshape(12)).tolist()


def test_requantize_by_hand() -> None:
    # >> is floor, on negative numbers too: −7/4 = −1.75 → −2
    assert how(shift=2).apply(of(7, -7, -1, -4)).reshape(-1).tolist() == [1, -2, -1, -1]
    # with half added it rounds to nearest: 6/4 = 1.5 → 2, −6/4 = −1.5 → −1, −7/4 → −2
    assert how(offset=2, shift=2).apply(of(6, -6, -7, 5)).reshape(-1).tolist() == [2, -1, -2, 1]
    # 10·3 = 30, >> 2 = 7, + 1 = 8, >> 1 = 4; −10·3 = −30, >> 2 = −8, + 1 = −7, >> 1 = −4
    assert how(3, 1, 2, 1).apply(of(10, -10)).reshape(-1).tolist() == [4, -4]
    # the product is kept whole before pre_shift: 3·3 >> 1 is 4, not (3 >> 1)·3 = 3; −3·3 >> 1 = −5
    assert how(3, pre_shift=1).apply(of(3, -3)).reshape(-1).tolist() == [4, -5]
    # a negative multiplier: 3·−3 = −9, >> 1 = −5
    assert how(-3, pre_shift=1).apply(of(3)).reshape(-1).tolist() == [-5]
    assert how(low=-7, high=6).apply(of(300, -300, 5)).reshape(-1).tolist() == [6, -7, 5]
    table = np.arange(255, -1, -1).astype(np.uint8).view(np.int8)  # index −128 → −1, index 127 → 0
    looked_up = with_table(table).apply(of(-999, 999, 0))
    assert looked_up.reshape(-1).tolist() == [-1, 0, 127]


def with_table(table: NDArray[np.int8]) -> Requantize:
    plain = how()
    return Requantize(plain.multiplier, plain.offset, 0, 0, -128, 127, table)


@given(st.integers(-(2**31), 2**31 - 1), st.integers(-(2**23), 2**23), st.integers(0, 20))
def test_the_product_in_two_words_is_the_product(acc: int, multiplier: int, pre_shift: int) -> None:
    exact = acc * multiplier >> pre_shift
    rest = acc & (2**pre_shift - 1)
    fits = abs(exact) < 2**30 and abs((acc >> pre_shift) * multiplier) < 2**30 and abs(rest * multiplier) < 2**31
    if fits:
        found = how(multiplier, 0, pre_shift, 24).apply(of(acc))
        assert found.item() == max(-128, min(127, exact >> 24))


@settings(max_examples=60)
@given(st.data())
def test_pools_are_pytorchs(data: st.DataObject) -> None:
    rows, columns = data.draw(st.integers(1, 8)), data.draw(st.integers(1, 8))
    x = np.random.default_rng(data.draw(st.integers(0, 99))).integers(-128, 128, (2, 3, rows, columns)).astype(np.int32)
    kernel = data.draw(st.integers(1, rows)), data.draw(st.integers(1, columns))
    stride = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 4))
    real = torch.from_numpy(x).double()
    mean = F.avg_pool2d(real, kernel, stride)
    total = (mean * kernel[0] * kernel[1]).round().int().numpy()
    wide = Requantize(np.ones(1, np.int32), np.zeros(1, np.int32), 0, 0, -(2**15), 2**15)
    pool = SumPool("p", "x", "y", kernel, stride, wide)
    assert (applied(pool, (x, 0), shape=(3, *mean.shape[2:])) == total).all()

    padding = data.draw(st.integers(0, kernel[0] // 2)), data.draw(st.integers(0, kernel[1] // 2))
    largest = F.max_pool2d(real, kernel, stride, padding, ceil_mode=data.draw(st.booleans()))
    operator = MaxPool("m", "x", "y", kernel, stride, padding)
    assert (applied(operator, (x, 0), shape=(3, *largest.shape[2:])) == largest.numpy()).all()


def test_add_gate_and_concatenate_by_hand() -> None:
    a, b = of(10, -10), of(1, 127)
    assert applied(Add("s", ("a", "b"), "y", (3, -1), how(shift=1)), (a, 0), (b, 0), shape=(1, 1, 2)).tolist() == [
        [[[14, -79]]]  # (30 − 1) >> 1 = 14, (−30 − 127) >> 1 = −79
    ]
    gate = Gate("g", ("x", "g"), "y", how())
    # (10 − 2)·(5 + 1) = 48, (−10 − 2)·6 = −72
    assert applied(gate, (a, 2), (of(5), -1), shape=(1, 1, 2)).reshape(-1).tolist() == [48, -72]
    joined = Concatenate("c", ("a", "b"), "y", (how(), how(2)))
    assert applied(joined, (a, 0), (b, 0), shape=(2, 1, 2)).reshape(-1).tolist() == [10, -10, 2, 127]


def test_lookup_by_hand() -> None:
    tables = np.stack([np.arange(-128, 128), np.arange(127, -129, -1)]).astype(np.int8)
    x = np.array([[[[-128, 127]], [[-128, 127]]]], np.int32)
    assert applied(Lookup("l", "x", "y", tables), (x, 0), shape=(2, 1, 2)).tolist() == [[[[-128, 127]], [[127, -128]]]]


def test_run_gives_the_scores_of_every_picture() -> None:
    program = random_program(3)
    pictures = random_pictures(program, 5)
    scores = run(program, pictures)
    assert scores.dtype == np.int16
    assert (scores == run_all(program, pictures)[program.result.name][:, :, 0, 0]).all()
    assert (scores[2:3] == run(program, pictures[2:3])).all()  # pictures do not see one another


def test_other_pictures_are_refused() -> None:
    program = random_program(1, size=(5, 4))
    for pictures in (
        np.zeros((1, 3, 4, 5), np.uint8),
        np.zeros((1, 3, 5, 4), np.float32),
        np.zeros((3, 5, 4), np.uint8),
    ):
        with pytest.raises(BadInput, match=r"takes \(N, 3, 5, 4\) uint8"):
            run(program, pictures)


def test_the_worked_example_of_the_documentation() -> None:
    weights = np.array([2, -127, -3, 63, -33, 7, 10, -9])
    acc = int((weights * [-77, -94, -89, -80, -92, -97, -79, -92]).sum())
    assert (acc, weights.sum()) == (9_406, -90)
    assert (acc >> 8) * 1_112_910 + ((acc & 255) * 1_112_910 >> 8) == 40_890_747 == acc * 1_112_910 >> 8
    assert how(1_112_910, -148_969_677, 8, 20).apply(of(acc)).item() == -104
    slope, centre = 1.396976 * 0.00437090 * 0.0520823 / 0.0767062, -121 * -90
    constant = (0.798249 * 1.396976 + 1.230573) / 0.0767062 - 128
    assert slope * (acc - centre) + constant == pytest.approx(-103.57, abs=0.005)
    assert round(slope * 2**28) == pytest.approx(1_112_910, rel=1e-5)
    assert (constant + 0.5) * 2**20 - 1_112_910 * centre / 2**8 == pytest.approx(-148_969_677, rel=1e-5)
