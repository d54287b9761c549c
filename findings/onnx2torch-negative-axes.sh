#!/usr/bin/env bash
# onnx2torch: ReduceMax over axes -2 and -1 without keepdims takes other axes; ConvTranspose forgets its output_shape.
#
# Guess: a converted module answers as the file does, or the conversion is refused.
# Seen:  ReduceMax, ReduceMin and ReduceProd of opset 13 go through the axes one by one and count each axis down by those that are
#        gone, the negative ones too: a global maximum over axes (-2, -1) of a (2, 3, 4) tensor has the shape (4,) instead of (2,). With positive axes,
#        with keepdims, and for ReduceSum and ReduceMean it is right. If the sides are alike, the shape is right and only the numbers are
#        wrong. ConvTranspose with output_shape=[8] makes 7 values.
# With:  numpy==2.4.6, onnx==1.23.2, onnx2torch==1.5.15, torch==2.13.0 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check numpy==2.4.6 onnx==1.23.2 torch==2.13.0
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps onnx2torch==1.5.15
cd "$room"
mkdir torchvision  # onnx2torch imports it for detectors only; an empty one spares its large wheel
touch torchvision/__init__.py
echo "roi_align = None" >torchvision/ops.py
cat >seen.py <<'END'
import numpy as np
import onnx2torch
import torch
from onnx import TensorProto, checker, helper, numpy_helper


def answer(operator, x, *constants, opset=13, rank, **attributes):
    names = [f"c{i}" for i in range(len(constants))]
    node = helper.make_node(operator, ["x", *names], ["y"], **attributes)
    kept = [numpy_helper.from_array(value, name) for value, name in zip(constants, names, strict=True)]
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)
    made = helper.make_tensor_value_info("y", TensorProto.FLOAT, [None] * rank)
    graph = helper.make_graph([node], "g", [given], [made], kept)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    checker.check_model(model, full_check=True)
    return onnx2torch.convert(model).eval()(torch.from_numpy(x)).detach().numpy()


oblong = np.arange(1, 25, dtype=np.float32).reshape(2, 3, 4) / 8
square = np.arange(1, 28, dtype=np.float32).reshape(3, 3, 3) / 8
kinds = {"ReduceMax": np.max, "ReduceMin": np.min, "ReduceProd": np.prod, "ReduceMean": np.mean}
for x in (oblong, square):
    for operator, right in kinds.items():
        for axes in ((1, 2), (-2, -1)):
            for keep in (False, True):
                seen = answer(operator, x, axes=axes, keepdims=int(keep), rank=3 if keep else 1)
                wanted = right(x, axes, keepdims=keep)
                same = seen.shape == wanted.shape and np.allclose(seen, wanted)
                if not keep:
                    case = f"{operator} of {x.shape} over {axes}: {seen.shape}"
                    print(case, *np.round(seen, 2), *(() if same else (f"instead of {wanted.shape}", *np.round(wanted, 2))))
                assert same == (keep or axes[0] > 0 or operator == "ReduceMean")

x, w = np.array([[[1, 2, 3]]], np.float32), np.array([[[1, 2, 3]]], np.float32)
for size in (6, 7, 8):
    seen = answer("ConvTranspose", x, w, strides=[2], output_shape=[size], rank=3)
    print(f"ConvTranspose of 3 at steps of 2 with output_shape=[{size}]: {seen.shape[2]} values")
    assert seen.shape[2] == 7
END
"$room/venv/bin/python" -W ignore seen.py 2>messages || { cat messages; exit 1; }
