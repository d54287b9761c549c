#!/usr/bin/env bash
# onnxruntime: the integer products of uint8 and int8 are not exact on x86-64 processors without VNNI.
#
# Guess: MatMulInteger adds in 32 bits, as its definition says, so every machine gives the same integers.
# Seen:  without VNNI (AVX2, or AVX-512 before it) two products at a time are added in 16 bits and saturate: 64 products of
#        250 and 120 come to 32 * 32,767 = 1,048,544 instead of 1,920,000. uint8 by uint8 is exact. So an int8 network
#        answers otherwise on an older laptop than on a server. With the session's entry session.x64quantprecision=1
#        uint8 by int8 is exact too.
# With:  onnx==1.23.2, onnxruntime==1.32.0, numpy==2.4.6 (Python 3.11, x86-64 with AVX2)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
cd "$room"
"$room/venv/bin/python" - <<'END'
from pathlib import Path

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

COUNT = 64


def product(weights, exact):
    """What 64 pixels of 250 give with 64 weights of 120, in a layer of 8 outputs."""
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["x", "w"], ["y"])],
        "product",
        [helper.make_tensor_value_info("x", TensorProto.UINT8, [1, COUNT])],
        [helper.make_tensor_value_info("y", TensorProto.INT32, [1, 8])],
        [numpy_helper.from_array(np.full((COUNT, 8), 120, weights), "w")],
    )
    model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 13)])
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.x64quantprecision", str(int(exact)))
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, {"x": np.full((1, COUNT), 250, np.uint8)})[0][0, 0]


seen = {(np.dtype(w).name, exact): int(product(w, exact)) for w in (np.int8, np.uint8) for exact in (False, True)}
for (weights, exact), value in seen.items():
    print(f"uint8 by {weights:5}  session.x64quantprecision={int(exact)}: {value:,} of {COUNT * 250 * 120:,}")
flags = Path("/proc/cpuinfo").read_text().split()
if {"avx512_vnni", "avx_vnni"} & set(flags):
    print("this processor has VNNI")
    assert set(seen.values()) == {COUNT * 250 * 120}
else:
    assert seen.pop(("int8", False)) == COUNT // 2 * 32767
    assert set(seen.values()) == {COUNT * 250 * 120}
END
