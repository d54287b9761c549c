#!/usr/bin/env bash
# onnxruntime: whether an int8 QGemm loads depends on the values of its weights, once exact sums are asked for.
#
# Guess: session.x64quantprecision=1 makes sums exact, and every file that loads without it loads with it.
# Seen:  on x86-64 without VNNI a QGemm of int8 by int8, as onnxruntime's own quantizer writes it, loads with weights of 3
#        and is refused with weights of 120 (NOT_IMPLEMENTED): the entry turns such weights into uint8, and there is no
#        kernel of int8 by uint8. uint8 by int8 loads with both. Without the entry all four load.
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
from onnx import helper, numpy_helper
from onnxruntime.capi.onnxruntime_pybind11_state import NotImplemented as Missing


def loads(kind, weight, exact):
    """Whether a session opens a linear layer of 64 inputs of this kind and 8 outputs, all its weights the same."""
    arrays = {"sx": np.float32(0.1), "zx": kind(0), "w": np.full((64, 8), weight, np.int8), "sw": np.float32(0.1)}
    arrays |= {"zw": np.int8(0), "sy": np.float32(1), "zy": kind(0)}
    node = helper.make_node("QGemm", ["x", "sx", "zx", "w", "sw", "zw", "", "sy", "zy"], ["y"], domain="com.microsoft")
    values = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.dtype(kind)), [1, width])
        for name, width in (("x", 64), ("y", 8))
    ]
    given = [numpy_helper.from_array(np.asarray(array), name) for name, array in arrays.items()]
    domains = [helper.make_opsetid("", 13), helper.make_opsetid("com.microsoft", 1)]
    graph = helper.make_graph([node], "linear", values[:1], values[1:], given)
    content = helper.make_model(graph, ir_version=8, opset_imports=domains).SerializeToString()
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.x64quantprecision", str(int(exact)))
    try:
        onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Missing:
        return False
    return True


cases = [(kind, weight, exact) for kind in (np.int8, np.uint8) for weight in (3, 120) for exact in (False, True)]
seen = {case: loads(*case) for case in cases}
for (kind, weight, exact), opened in seen.items():
    words = f"{kind.__name__:5} by int8, weights of {weight:3}, session.x64quantprecision={int(exact)}"
    print(f"{words}: {'loads' if opened else 'NOT_IMPLEMENTED'}")
if {"avx512_vnni", "avx_vnni"} & set(Path("/proc/cpuinfo").read_text().split()):
    print("this processor has VNNI")
    assert all(seen.values())
else:
    assert [case for case, opened in seen.items() if not opened] == [(np.int8, 120, True)]
END
