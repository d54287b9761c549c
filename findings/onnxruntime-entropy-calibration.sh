#!/usr/bin/env bash
# onnxruntime: entropy calibration clips nothing: the range it finds is that of the least and largest value.
#
# Guess: `CalibrationMethod.Entropy` weighs clipping against fineness. Of 100,000 normal values and one of 1,000 it cuts off the one.
# Seen:  its histogram has as many bins as it has quantized bins, 128, so of one batch it has one range to choose from, the whole. It
#        ends at 1,000, as `MinMax` does: steps of 3.9, and nearly all values become 0. The same calibrator's percentile ends at 4.4,
#        and entropy with 2,048 bins, for which `quantize_static` has no option, at 116.
# With:  numpy==2.4.6, onnx==1.23.2, onnxruntime==1.32.0 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0
cd "$room"
"$room/venv/bin/python" - 2>messages <<'END' || { cat messages; exit 1; }
import contextlib
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper
from onnxruntime.quantization.calibrate import (
    CalibrationDataReader,
    CalibrationMethod,
    EntropyCalibrater,
    create_calibrator,
)

x = np.random.default_rng(0).normal(size=(1, 100_000)).astype(np.float32)
x[0, 7] = 1000
given, made = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 100_000]) for name in ("x", "y"))
graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [given], [made])
onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), "net.onnx")


class Once(CalibrationDataReader):
    def __init__(self):
        self.inputs = [{"x": x}]

    def get_next(self):
        return self.inputs.pop() if self.inputs else None


def largest(calibrator):
    """The upper end of the range of y."""
    with contextlib.redirect_stdout(sys.stderr):
        calibrator.collect_data(Once())
        return float(np.ravel(calibrator.compute_data().data["y"].range_value[1])[0])


seen = {}
for method in ("MinMax", "Entropy", "Percentile"):
    calibrator = create_calibrator("net.onnx", augmented_model_path="more.onnx", calibrate_method=getattr(CalibrationMethod, method))
    seen[method] = largest(calibrator)
finer = EntropyCalibrater("net.onnx", augmented_model_path="more.onnx", num_bins=2048)
finer.augment_graph()
finer.create_inference_session()
seen["Entropy, 2048 bins"] = largest(finer)
for method, end in seen.items():
    print(f"{method:20} y goes up to {end:9.3f}")
assert seen["MinMax"] == 1000
assert abs(seen["Entropy"] - 1000) < 1e-3
assert seen["Percentile"] < 100
assert seen["Entropy, 2048 bins"] < 200
END
