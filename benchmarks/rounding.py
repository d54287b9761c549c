"""What rounding to 8 bits without training costs, against onnxruntime's static quantization.

    python benchmarks/rounding.py grain-s grain-l grain-xl

Both got the same 1,000 training pictures of CIFAR-10, and are asked for the 10,000 test pictures. Ours is the program
that is shipped, made by tools/ship.py. onnxruntime's is its QDQ form, int8, a scale for each output channel; it leaves
in float what it has no integers for. Its third way, entropy, finds the ranges of the first
(findings/onnxruntime-entropy-calibration.sh).
"""

import argparse
import contextlib
import logging
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from microbotnet import load
from microbotnet.data.cifar10 import MEAN, STD, load_cifar10
from microbotnet.data.sample import sample_pictures
from microbotnet.sources.program import open_program
from microbotnet.training.checkpoint import load_checkpoint

METHODS = {
    "onnxruntime, least and largest": CalibrationMethod.MinMax,
    "onnxruntime, percentile": CalibrationMethod.Percentile,
}


class Reader(CalibrationDataReader):
    def __init__(self, x: Any) -> None:
        self.batches: Iterator[Any] = iter([{"x": x[i : i + 50]} for i in range(0, len(x), 50)])

    def get_next(self) -> Any:
        return next(self.batches, None)


def seen(pictures: torch.Tensor) -> torch.Tensor:
    """What the network sees of pictures (N, 3, 32, 32) uint8."""
    mean, std = (torch.tensor(v)[:, None, None] for v in (MEAN, STD))
    return (pictures.float() / 255 - mean) / std


def exported(model: torch.nn.Module, folder: Path) -> Path:
    """The float network as onnxruntime's quantizer wants it."""
    inputs = torch.zeros(1, 3, 32, 32)
    float_file, ready = folder / "float.onnx", folder / "ready.onnx"
    names = {"input_names": ["x"], "output_names": ["y"], "dynamic_axes": {"x": {0: "n"}, "y": {0: "n"}}}
    torch.onnx.export(model, (inputs,), str(float_file), opset_version=17, dynamo=False, **names)  # type: ignore[arg-type]
    quant_pre_process(str(float_file), str(ready))
    return ready


def others(ready: Path, samples: Any, method: Any) -> Any:
    """A session of onnxruntime with the network quantized by it."""
    file = ready.with_name("int8.onnx")
    kinds = {"activation_type": QuantType.QInt8, "weight_type": QuantType.QInt8, "per_channel": True}
    with contextlib.redirect_stdout(sys.stderr):
        quantize_static(str(ready), str(file), Reader(samples), calibrate_method=method, **kinds)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="+", help="shipped networks, trained in float on CIFAR-10")
    parser.add_argument("--pictures", type=int, default=10_000)
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    samples = seen(torch.from_numpy(sample_pictures("cifar10", 32, 1000))).numpy()
    pictures, labels = load_cifar10(split="test")
    pictures, labels = pictures[: arguments.pictures], labels[: arguments.pictures]
    x, truth = seen(pictures), labels.numpy()
    for name in arguments.names:
        model = load_checkpoint(name).model.eval()
        with torch.no_grad():
            scores = torch.cat([model(part) for part in x.split(500)]).numpy()  # type: ignore[no-untyped-call]
        found = {"float": scores.argmax(1)}
        found["microbotnet"] = load(open_program(name)).predict(pictures.numpy()).argmax(1)
        with tempfile.TemporaryDirectory() as folder:
            ready = exported(model, Path(folder))
            for what, method in METHODS.items():
                try:
                    session = others(ready, samples, method)
                except ValueError as error:  # of numpy, where a tensor is constant
                    print(f"{name:18} {what:32} fails: {error}")
                    continue
                parts = [session.run(None, {"x": part.numpy()})[0] for part in x.split(500)]  # type: ignore[no-untyped-call]
                found[what] = np.concatenate(parts).argmax(1)
        for what, classes in found.items():
            same = (classes == found["float"]).mean()
            print(f"{name:18} {what:32} top-1 {100 * (classes == truth).mean():.2f} %, as in float {100 * same:.2f} %")


if __name__ == "__main__":
    main()
