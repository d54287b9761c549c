#!/usr/bin/env bash
# TVM: read from ONNX, some operators ignore an attribute or compute something else, without a word.
#
# Guess: a frontend that accepts an operator with its attributes computes it, and refuses what it does not know.
# Seen:  MaxPool with SAME_LOWER loses the last value where the stride does not divide the size. AveragePool with
#        SAME_UPPER forgets the dilations. LpPool with ceil_mode makes an average of the last window:
#        6 and 7 add up to 19.5. ConvTranspose has no `output_shape`. ReduceL1, ReduceL2, ReduceSumSquare and ReduceLogSum with
#        noop_with_empty_axes give their input, not its absolute value, square or logarithm. Resize takes antialias and a scale of the
#        channels and answers as if they were not there, and works with the ratio of the sizes instead of the scale given. RoiAlign
#        takes half a pixel off before it scales instead of after. IsInf has no detect_negative.
# With:  apache-tvm==0.27.0.post1, numpy==2.4.6, onnx==1.23.2 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check apache-tvm==0.27.0.post1 numpy==2.4.6 onnx==1.23.2
cd "$room"
"$room/venv/bin/python" - 2>messages <<'END' || { cat messages; exit 1; }
import numpy as np
import tvm
from onnx import TensorProto, checker, helper, numpy_helper, shape_inference
from tvm import relax
from tvm.relax.frontend.onnx import from_onnx


def answer(operator, x, *constants, opset=18, made=TensorProto.FLOAT, **attributes):
    """The output of one operator of x and of constants, where None is an input left out."""
    names = ["" if value is None else f"c{i}" for i, value in enumerate(constants)]
    node = helper.make_node(operator, ["x", *names], ["y"], **attributes)
    kept = [numpy_helper.from_array(np.asarray(value), name) for value, name in zip(constants, names, strict=True) if name]
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)
    graph = helper.make_graph([node], "g", [given], [helper.make_tensor_value_info("y", made, None)], kept)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)
    model = shape_inference.infer_shapes(model, data_prop=True)
    checker.check_model(model, full_check=True)
    machine = relax.VirtualMachine(relax.build(from_onnx(model), target="llvm"), tvm.cpu())
    return machine["main"](tvm.runtime.tensor(x)).numpy()


def row(*values):
    return np.array(values, np.float32).reshape(1, 1, 1, -1)


x, pool = row(*range(7)), {"kernel_shape": [1, 2], "strides": [1, 2]}
for where, right in (("SAME_UPPER", [1, 3, 5, 6]), ("SAME_LOWER", [0, 2, 4, 6])):
    seen = answer("MaxPool", x, **pool, auto_pad=where).ravel()
    print(f"MaxPool of 0 to 6, kernel 2, stride 2, {where}:", *seen, "instead of", *right)
    assert (seen.tolist() == right) == (where == "SAME_UPPER")
assert len(seen) == 3

x = row(*range(8))
seen = answer("AveragePool", x, opset=22, kernel_shape=[1, 2], dilations=[1, 3], auto_pad="SAME_UPPER").shape[3]
print(f"AveragePool, kernel 2, dilation 3, SAME_UPPER: {seen} values instead of 8")
assert seen == 6
for ceil, right in ((0, [3, 9, 15]), (1, [3, 9, 15, 13])):
    seen = answer("LpPool", x, kernel_shape=[1, 3], strides=[1, 2], ceil_mode=ceil, p=1).ravel()
    print(f"LpPool of 0 to 7, kernel 3, stride 2, p=1, ceil_mode={ceil}:", *seen, "instead of", *right)
    assert np.allclose(seen, right) == (ceil == 0)

x, ones = row(1, 2, 3), np.ones((1, 1, 1, 3), np.float32)
seen = answer("ConvTranspose", x, ones, strides=[1, 2], output_shape=[1, 6]).shape
print("ConvTranspose with output_shape (1, 6):", seen[2:])
assert seen == (1, 1, 1, 7)

x = np.array([-2, 3], np.float32)
for operator, right in (("ReduceL1", abs), ("ReduceL2", abs), ("ReduceSumSquare", np.square), ("ReduceLogSum", np.log)):
    given = abs(x) if operator == "ReduceLogSum" else x
    seen = answer(operator, given, noop_with_empty_axes=1)
    print(f"{operator} over no axes of", *given, "is", *seen, "instead of", *right(given))
    assert (seen == given).all() and not np.allclose(seen, right(given))

# Resize, linear: the value at (i + 0.5) / scale - 0.5; smooth: a triangle that is 1 / scale wide on each side
x, half = row(0, 1, 4, 9, 16, 25, 36, 49), np.array([1, 1, 1, 0.5], np.float32)
weights = np.maximum(1 - abs(np.arange(8) - 4.5) / 2, 0)  # of the third of four
right = weights @ x.ravel() / weights.sum()
seen = [answer("Resize", x, None, half, mode="linear", antialias=smooth).ravel()[2] for smooth in (0, 1)]
print(f"Resize of squares by a half: the third is {seen[0]}, with antialias=1 {seen[1]} instead of {right}")
assert seen[0] == seen[1] == 20.5 != right

scale = np.float32(0.7)
place = (np.arange(5) + 0.5) / scale - 0.5
seen = answer("Resize", row(*range(8)), None, np.array([1, 1, 1, scale], np.float32), mode="linear").ravel()
print("Resize of 0 to 7 by 0.7:", *seen.round(3), "instead of", *place.round(3))
assert np.allclose(seen, (np.arange(5) + 0.5) * 8 / 5 - 0.5, atol=1e-5) and abs(seen - place).max() > 0.5

x = np.zeros((1, 2, 5, 6), np.float32)
seen = answer("Resize", x, None, np.array([1, 2, 1, 1], np.float32)).shape
print("Resize of two channels by 2:", seen, "instead of (1, 4, 5, 6)")
assert seen == x.shape

# RoiAlign: half_pixel takes 0.5 off the scaled corners; the mean of a ramp is its middle
x = np.broadcast_to(np.arange(12, dtype=np.float32), (1, 1, 12, 12)).copy()
for scale in (1.0, 0.5):
    box = np.array([[2, 2, 10, 10]], np.float32)
    how = {"sampling_ratio": 4, "spatial_scale": scale, "coordinate_transformation_mode": "half_pixel"}
    seen = answer("RoiAlign", x, box, np.array([0]), **how).item()
    right = (2 * scale + 10 * scale) / 2 - 0.5
    print(f"RoiAlign from 2 to 10 of a ramp, scale {scale}: {seen} instead of {right}")
    assert np.isclose(seen, 6 * scale - 0.5 * scale)

seen = answer("IsInf", np.array([np.inf, -np.inf, 1], np.float32), opset=20, made=TensorProto.BOOL, detect_negative=0)
print("IsInf of inf, -inf and 1 with detect_negative=0:", *seen, "instead of True False False")
assert seen.tolist() == [True, True, False]
END
