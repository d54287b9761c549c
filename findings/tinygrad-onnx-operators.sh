#!/usr/bin/env bash
# tinygrad: ONNX files run without a word, but some operators are not what ONNX defines, and ScatterND changes the network.
#
# Guess: a runner that accepts an operator with its attributes computes it, and gives the same answer for the same input.
# Seen:  ScatterND writes into its own input: with "add" into a constant, the same network answers 1, 2, 3 in three runs, and another
#        reader of that tensor sees the sum. QuantizeLinear to uint8 rounds no ties to even: 1.5 becomes 1, and 0.5 with zero point
#        128 becomes 129. A 1x1 convolution of stride 2 with SAME_UPPER takes the odd pixels, and dilations are forgotten there.
#        ConvTranspose pads where it says VALID. Softmax, LogSoftmax and Hardmax of opset 11 work along one axis. MaxPool counts
#        its indices anew in every channel. EyeLike of a square has no k. Unsqueeze and Squeeze of negative axes take others.
#        ReduceLogSumExp of 100 is infinite. Attention with a past and is_causal sees the oldest keys only.
# With:  numpy==2.4.6, onnx==1.23.2, tinygrad==0.14.0 and its interpreter, which needs no compiler (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check numpy==2.4.6 onnx==1.23.2 tinygrad==0.14.0
cd "$room"
DEV=PYTHON CACHEDB="$room/cache.db" "$room/venv/bin/python" - <<'END'
import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper, save, shape_inference
from tinygrad import Tensor
from tinygrad.nn.onnx import OnnxRunner


def network(nodes, inputs, constants, opset=18, made=TensorProto.FLOAT):
    """A function that runs a checked network of these nodes, each time with the same runner."""
    kept = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    kind = helper.np_dtype_to_tensor_dtype
    given = [helper.make_tensor_value_info(name, kind(x.dtype), x.shape) for name, x in inputs.items()]
    graph = helper.make_graph(nodes, "g", given, [helper.make_tensor_value_info("y", made, None)], kept)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)
    model = shape_inference.infer_shapes(model)
    checker.check_model(model, full_check=True)
    save(model, "network.onnx")
    runner = OnnxRunner("network.onnx")
    return lambda: runner({name: Tensor(x) for name, x in inputs.items()})["y"].numpy()


def answer(operator, x, *constants, opset=18, made=TensorProto.FLOAT, outputs=("y",), **attributes):
    """The output y of one operator of x and constants."""
    names = [f"c{i}" for i in range(len(constants))]
    node = helper.make_node(operator, ["x", *names], outputs, **attributes)
    return network([node], {"x": x}, dict(zip(names, constants, strict=True)), opset, made)()


def row(*values):
    return np.array(values, np.float32).reshape(1, 1, 1, -1)


# ScatterND: the definition copies the data first
node = helper.make_node("ScatterND", ["d", "i", "u"], ["y"], reduction="add")
constants = {"d": np.zeros(3, np.float32), "i": np.array([[1]])}
run = network([node], {"u": np.ones(1, np.float32)}, constants)
seen = [run()[1].item() for _ in range(3)]
print("ScatterND, 1 added to a constant 0, three runs:", *seen, "instead of 1.0 each time")
assert seen == [1, 2, 3]
nodes = [
    helper.make_node("Mul", ["x", "two"], ["d"]),
    helper.make_node("ScatterND", ["d", "i", "x"], ["s"], reduction="add"),
    helper.make_node("Sub", ["s", "d"], ["y"]),
]
x = np.array([3, 4], np.float32)
seen = network(nodes, {"x": x}, {"two": np.float32(2), "i": np.array([[0], [1]])})()
print("the result minus the data that 3 and 4 were added to:", *seen, "instead of", *x)
assert (seen == 0).all()

# QuantizeLinear: x / scale is rounded to the nearest even, then the zero point is added
x, one = np.array([0.5, 1.5, 2.5, 3.5], np.float32), np.float32(1)
for zero, kind, made in ((0, np.uint8, TensorProto.UINT8), (128, np.uint8, TensorProto.UINT8), (0, np.int8, TensorProto.INT8)):
    seen = answer("QuantizeLinear", x, one, kind(zero), made=made).astype(int)
    right = np.rint(x).astype(int) + zero
    print(f"QuantizeLinear of 0.5, 1.5, 2.5, 3.5 to {kind.__name__}, zero point {zero}:", *seen, "instead of", *right)
    assert (seen == right).all() == (kind is np.int8)

# SAME_UPPER: the padding is max((out - 1) * stride + (kernel - 1) * dilation + 1 - in, 0)
x, dot = row(*range(8)), np.ones((1, 1, 1, 1), np.float32)
seen = answer("Conv", x, dot, strides=[1, 2], auto_pad="SAME_UPPER")
print("Conv, 1×1, stride 2, SAME_UPPER, of 0 to 7:", *seen.ravel(), "instead of", *x.ravel()[::2])
assert (seen.ravel() == x.ravel()[1::2]).all()
assert (answer("Conv", x, dot, strides=[1, 2]).ravel() == x.ravel()[::2]).all()
seen = answer("Conv", x, np.ones((1, 1, 1, 3), np.float32), dilations=[1, 2], auto_pad="SAME_UPPER")
print(f"Conv, 1×3, dilation 2, SAME_UPPER: {seen.shape[3]} values instead of 8")
assert seen.shape[3] == 6

# ConvTranspose without padding: 3 values, stride 2, kernel 3, make 7
x, ones = row(0, 1, 2), np.ones((1, 1, 1, 3), np.float32)
right = np.zeros(7)
for i in range(3):
    right[2 * i : 2 * i + 3] += i
seen = answer("ConvTranspose", x, ones, strides=[1, 2], auto_pad="VALID").ravel()
print("ConvTranspose, VALID:", *seen, "instead of", *right)
assert (seen == right[1:]).all() and (answer("ConvTranspose", x, ones, strides=[1, 2]).ravel() == right).all()

# Softmax before opset 13: everything from the axis on is one row
for operator in ("Softmax", "LogSoftmax", "Hardmax"):
    y = answer(operator, np.zeros((1, 3, 4), np.float32), opset=11, axis=1)
    total = (np.exp(y) if operator == "LogSoftmax" else y).sum()
    print(f"{operator} of opset 11, all of a (1, 3, 4) tensor from axis 1 on: the sum is {total:.3f} instead of 1")
    assert np.isclose(total, 4)

# MaxPool: indices are those of the whole tensor, and column by column with storage_order=1
x = np.arange(16, dtype=np.float32).reshape(1, 2, 2, 4)
pool = {"kernel_shape": [1, 2], "strides": [1, 2], "outputs": ("most", "y"), "made": TensorProto.INT64}
seen = answer("MaxPool", x, **pool).ravel()
print("MaxPool, indices of 1, 3, … 15 in 0 to 15:", *seen, "instead of", *range(1, 16, 2))
assert seen.tolist() == [1, 3, 5, 7] * 2
seen = answer("MaxPool", row(*range(12)).reshape(1, 1, 3, 4), **pool, storage_order=1)
print(f"and with storage_order=1, of 0 to 11 in 3×4: {seen.tolist()[0][0]} instead of [[3, 9], [4, 10], [5, 11]]")
assert seen.tolist() == [[[[1, 5, 9], [3, 7, 11]]]]

for shape, offset in (((3, 3), 1), ((3, 5), 1)):
    seen = answer("EyeLike", np.zeros(shape, np.float32), k=offset)
    print(f"EyeLike of {shape} with k=1: ones in columns", *seen.nonzero()[1], "instead of", *np.eye(*shape, 1).nonzero()[1])
    assert (seen == np.eye(*shape, 1)).all() == (shape == (3, 5))
    assert shape == (3, 5) or (seen == np.eye(3)).all()

seen = answer("Unsqueeze", np.zeros((3, 4), np.float32), np.array([-2, -1])).shape
print("Unsqueeze of (3, 4) at -2 and -1:", seen, "instead of (3, 4, 1, 1)")
assert seen == (3, 1, 4, 1)
seen = answer("Squeeze", np.zeros((2, 1, 3, 1), np.float32), np.array([-3, -1])).shape
print("Squeeze of (2, 1, 3, 1) at -3 and -1:", seen, "instead of (2, 3)")
assert seen == (2, 1, 3)

seen = answer("ReduceLogSumExp", np.array([100, 100], np.float32)).item()
print(f"ReduceLogSumExp of 100 and 100: {seen} instead of {100 + np.log(2):.3f}")
assert seen == np.inf

# Attention: a new query stands behind the past, so with two older keys the first new one sees three
names = ["x", "x", "x", "", "past", "past"]
node = helper.make_node("Attention", names, ["y"], is_causal=1)
past, x = np.array([[[[1.0], [2.0]]]], np.float32), np.array([[[[3.0]]]], np.float32)
seen = network([node], {"x": x}, {"past": past}, opset=24)().item()
keys = np.array([1.0, 2.0, 3.0])
right = (np.exp(3 * keys) * keys).sum() / np.exp(3 * keys).sum()
print(f"Attention, is_causal, of 3 with a past of 1 and 2: {seen:.3f} instead of {right:.3f}")
assert np.isclose(seen, 1)
END
