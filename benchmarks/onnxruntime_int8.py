"""How near programs from onnxruntime's int8 files are to onnxruntime: ResNet-8, DS-CNN and MicroBotNet ×0.32.

    python benchmarks/onnxruntime_int8.py --pictures 10000

Each network is exported, quantized by onnxruntime in both of its formats and in four ways of storing numbers,
imported, and run beside onnxruntime on CIFAR-10's test pictures. MicroBotNet has its shipped weights; the others, which
have none, are trained for some hundred steps first, so that their scores are not all alike. DS-CNN sees the pictures
grey, as 49 × 10.
"""

import argparse
import logging
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from torch import nn
from torch.nn import functional as F

from microbotnet import create_model, import_onnx, load
from microbotnet.data.cifar10 import MEAN, STD, load_cifar10
from microbotnet.training.checkpoint import load_checkpoint

SIGNED, UNSIGNED = QuantType.QInt8, QuantType.QUInt8
WAYS: dict[str, dict[str, Any]] = {
    "QDQ, int8 (the default)": {"quant_format": QuantFormat.QDQ, "activation_type": SIGNED, "weight_type": SIGNED},
    "QDQ, int8, per channel": {
        "quant_format": QuantFormat.QDQ, "activation_type": SIGNED, "weight_type": SIGNED, "per_channel": True,
    },
    "QOperator, uint8": {"quant_format": QuantFormat.QOperator, "activation_type": UNSIGNED, "weight_type": UNSIGNED},
    "QOperator, uint8 × int8, per channel, 7 bits": {
        "quant_format": QuantFormat.QOperator, "activation_type": UNSIGNED, "weight_type": SIGNED, "per_channel": True,
        "reduce_range": True,
    },
}  # fmt: skip


class Reader(CalibrationDataReader):
    def __init__(self, x: Any) -> None:
        self.batches: Iterator[Any] = iter([{"x": x[i : i + 32]} for i in range(0, len(x), 32)])

    def get_next(self) -> Any:
        return next(self.batches, None)


def seen(name: str, pictures: torch.Tensor) -> torch.Tensor:
    """What the network sees of pictures (N, 3, 32, 32) uint8."""
    mean, std = (torch.tensor(v)[:, None, None] for v in (MEAN, STD))
    x = (pictures.float() / 255 - mean) / std
    return F.interpolate(x.mean(1, keepdim=True), size=(49, 10), mode="area") if name == "ds-cnn" else x


def network(name: str, pictures: torch.Tensor, labels: torch.Tensor, steps: int) -> nn.Module:
    if name == "microbotnet-0.32":
        return load_checkpoint(name).model.eval()
    torch.manual_seed(0)
    model = create_model(name).train()
    optimizer = torch.optim.AdamW(model.parameters(), 2e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, steps)
    for _ in range(steps):
        chosen = torch.randint(len(labels), (128,))
        F.cross_entropy(model(seen(name, pictures[chosen])), labels[chosen]).backward()
        optimizer.step()
        optimizer.zero_grad()
        schedule.step()
    return model.eval()


def compare(name: str, path: Path, pictures: torch.Tensor) -> tuple[float, float, float, int]:
    """Shares of the same class, equal outputs, outputs within one unit; the largest difference."""
    x = seen(name, pictures).numpy()
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.x64quantprecision", "1")  # else sums saturate at 16 bits without VNNI
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    theirs = np.concatenate([session.run(None, {"x": x[i : i + 500]})[0] for i in range(0, len(x), 500)])
    maps = name != "ds-cnn"
    program = import_onnx(path, mean=MEAN if maps else None, std=STD if maps else None).program  # type: ignore[union-attr]
    given, y = program.tensors[program.input], program.result
    codes = np.clip(np.rint(x / np.float32(given.scale)) + given.zero_point, -128, 127).astype(np.int8)
    (mine,) = load(program).outputs(pictures.numpy() if maps else codes)
    mine = mine.reshape(theirs.shape).astype(int)
    off = np.abs(mine - (np.rint(theirs / np.float32(y.scale)) + y.zero_point))
    return (
        float((mine.argmax(1) == theirs.argmax(1)).mean()),
        float((off == 0).mean()),
        float((off <= 1).mean()),
        int(off.max()),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=10_000)
    parser.add_argument("--steps", type=int, default=300, help="of training, for the networks without weights")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    train, test = load_cifar10(split="train"), load_cifar10(split="test")
    print(f"onnxruntime {onnxruntime.__version__}, {asked.pictures} pictures")
    print("| network | quantized | same class | equal | within one unit | worst |\n|---|---|--:|--:|--:|--:|")
    for name in ("resnet8", "ds-cnn", "microbotnet-0.32"):
        model = network(name, train[0], train[1], asked.steps)
        with tempfile.TemporaryDirectory() as folder:
            whole, path = Path(folder, "float.onnx"), Path(folder, "int8.onnx")
            calibration = seen(name, train[0][:256])
            torch.onnx.export(model, (calibration[:2],), str(whole), dynamo=False, opset_version=13,
                              input_names=["x"], dynamic_axes={"x": {0: "N"}})  # fmt: skip
            for way, options in WAYS.items():
                quantize_static(whole, path, Reader(calibration.numpy()), **options)
                same, equal, near, worst = compare(name, path, test[0][: asked.pictures])
                print(f"| {name} | {way} | {same:.2%} | {equal:.2%} | {near:.2%} | {worst} |", flush=True)


if __name__ == "__main__":
    main()
