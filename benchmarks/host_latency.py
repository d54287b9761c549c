"""A picture's time through the compiled C, beside torch, onnxruntime and LiteRT on the same network in the same run.

    pip install onnx onnxscript onnxruntime litert-torch     # each may be absent; the table says which is
    python benchmarks/host_latency.py [--checkpoint NAME|FILE] [--rounds 7] [--json]

- one picture on one thread: the time of a call, the median of the rounds' fastest tenths;
- 1,000 pictures on all cores: a call with all of them, in batches of the size that suits the peer best.

Everyone is called from Python with NumPy arrays; the peers get pictures that are normalised already, ours takes bytes.
Rounds take turns, so that a busy machine is busy for all. int8: onnxruntime's static quantization in QOperator form,
per channel; LiteRT's by ai-edge-quantizer. Weights are the checkpoint's, pictures are noise: no time depends on them.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from microbotnet.engine import load
from microbotnet.training.checkpoint import DEFAULT, load_checkpoint

Call = Callable[[np.ndarray[Any, Any]], Any]
BATCHES = (1, 50, 250, 1000)


class Peer:
    """What runs a batch of normalised pictures; `make` is given the number of threads and the batch's size."""

    def __init__(self, name: str, make: Callable[[int, int], Call], batches: tuple[int, ...] = BATCHES) -> None:
        self.name, self.make, self.batches = name, make, batches


def torch_eager(model: torch.nn.Module) -> Callable[[int, int], Call]:
    def make(threads: int, batch: int) -> Call:
        def call(x: np.ndarray[Any, Any]) -> Any:
            torch.set_num_threads(threads)
            with torch.inference_mode():
                return model(torch.from_numpy(x)).numpy()

        return call

    return make


def torch_compiled(model: torch.nn.Module) -> Callable[[int, int], Call]:
    def make(threads: int, batch: int) -> Call:
        torch.set_num_threads(threads)
        compiled = torch.compile(model, dynamic=False)

        def call(x: np.ndarray[Any, Any]) -> Any:
            torch.set_num_threads(threads)
            with torch.inference_mode():
                return compiled(torch.from_numpy(x)).numpy()

        return call

    return make


def onnx_session(path: Path) -> Callable[[int, int], Call]:
    import onnxruntime

    def make(threads: int, batch: int) -> Call:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        name = session.get_inputs()[0].name
        return lambda x: session.run(None, {name: x})

    return make


def onnx_files(model: torch.nn.Module, pictures: np.ndarray[Any, Any], folder: Path) -> tuple[Path, Path]:
    """The network in float and in int8."""
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            self.left = iter(pictures[:100, None])

        def get_next(self) -> dict[str, np.ndarray[Any, Any]] | None:
            return next(({"x": picture} for picture in self.left), None)

    plain, ready, small = folder / "float.onnx", folder / "ready.onnx", folder / "int8.onnx"
    torch.onnx.export(
        model, (torch.from_numpy(pictures[:1]),), str(plain), input_names=["x"], dynamic_axes={"x": {0: "n"}},
        dynamo=False, opset_version=17,
    )  # fmt: skip
    quant_pre_process(str(plain), str(ready), skip_symbolic_shape=True)
    quantize_static(
        str(ready), str(small), Reader(), quant_format=QuantFormat.QOperator, per_channel=True,
        activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
    )  # fmt: skip
    return plain, small


def litert(model: torch.nn.Module, side: int, quantized: bool, pictures: np.ndarray[Any, Any]) -> Peer:
    import litert_torch
    from ai_edge_litert.interpreter import Interpreter

    def make(threads: int, batch: int) -> Call:
        exported = litert_torch.convert(model, (torch.zeros(batch, 3, side, side),))
        with tempfile.NamedTemporaryFile(suffix=".tflite") as file:
            exported.export(file.name)
            content = Path(file.name).read_bytes()
            if quantized:
                content = litert_int8(file.name, pictures, batch)
        interpreter = Interpreter(model_content=content, num_threads=threads)
        runner = interpreter.get_signature_runner()
        ((name, input_),) = runner.get_input_details().items()
        return lambda x: runner(**{name: x.astype(input_["dtype"], copy=False)})

    return Peer(f"LiteRT {'int8' if quantized else 'float'}", make, (1, 50))


def litert_int8(file: str, pictures: np.ndarray[Any, Any], batch: int) -> bytes:
    from ai_edge_litert.interpreter import Interpreter
    from ai_edge_quantizer import quantizer, recipe

    made = quantizer.Quantizer(file, recipe.static_wi8_ai8())
    signatures = Interpreter(model_path=file).get_signature_list()
    key = next(iter(signatures))
    rows = [{signatures[key]["inputs"][0]: pictures[i : i + batch]} for i in range(0, 4 * batch, batch)]
    return bytes(made.quantize(made.calibrate({key: rows})).quantized_model)


def seconds(call: Callable[[], Any], least: float) -> float:
    """Of one call; the fastest tenth of as many as fit in `least` seconds."""
    times = []
    end = time.perf_counter() + least
    while time.perf_counter() < end or len(times) < 3:
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    times.sort()
    return statistics.fmean(times[: max(1, len(times) // 10)])


def in_batches(call: Call, x: np.ndarray[Any, Any], batch: int) -> Callable[[], Any]:
    return lambda: [call(x[i : i + batch]) for i in range(0, len(x), batch)]


def peers(model: torch.nn.Module, x: np.ndarray[Any, Any], folder: Path) -> tuple[list[Peer], list[str]]:
    """Those that can be made, and why the others cannot."""
    found, absent = [Peer("torch eager", torch_eager(model)), Peer("torch compiled", torch_compiled(model))], []
    side = x.shape[-1]

    def onnx() -> list[Peer]:
        plain, small = onnx_files(model, x, folder)
        return [Peer("onnxruntime float", onnx_session(plain)), Peer("onnxruntime int8", onnx_session(small))]

    for name, makes in (
        ("onnxruntime", onnx),
        ("LiteRT float", lambda: [litert(model, side, False, x)]),
        ("LiteRT int8", lambda: [litert(model, side, True, x)]),
    ):
        try:
            found += makes()
        except Exception as error:
            absent.append(f"{name}: {type(error).__name__}: {str(error).splitlines()[0][:100]}")
    return found, absent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", default=DEFAULT)
    parser.add_argument("--program", help="Ours runs this .program file instead of the checkpoint's.")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    warnings.simplefilter("ignore")

    loaded = load_checkpoint(options.checkpoint)
    network = load(options.program or options.checkpoint)
    bytes_ = np.random.default_rng(0).integers(0, 256, (1000, *network.input_shape), dtype=np.uint8)
    x = ((bytes_ / 255 - 0.47) / 0.25).astype(np.float32)
    cores = os.cpu_count() or 1
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as room:
        found, absent = peers(loaded.model.eval(), x, Path(room))
        ones: dict[str, Callable[[], Any]] = {f"microbotnet ({network.engine})": lambda: network.scores(bytes_[:1])}
        many: dict[str, Callable[[], Any]] = {f"microbotnet ({network.engine})": lambda: network.scores(bytes_)}
        ours = next(iter(ones))
        for peer in found:
            print(f"preparing {peer.name}", file=sys.stderr)
            try:
                call = peer.make(1, 1)
                call(x[:1])
                ones[peer.name] = in_batches(call, x[:1], 1)
                tried = {batch: in_batches(peer.make(cores, batch), x, batch) for batch in peer.batches}
                many[peer.name] = min(tried.values(), key=lambda run: (run(), seconds(run, 0.2))[1])
            except Exception as error:
                absent.append(f"{peer.name}: {type(error).__name__}: {str(error).splitlines()[0][:100]}")
                ones.pop(peer.name, None)
        print("measuring", file=sys.stderr)
        for case, calls in (("1 picture, 1 thread", ones), (f"1,000 pictures, {cores} cores", many)):
            times: dict[str, list[float]] = {name: [] for name in calls}
            for _ in range(options.rounds):
                for name, run in calls.items():
                    times[name].append(seconds(run, 0.3))
            for name, found_times in times.items():
                ratios = [theirs / own for theirs, own in zip(found_times, times[ours], strict=True)]
                rows.append({"case": case, "who": name, "seconds": statistics.median(found_times),
                             "times_ours": statistics.median(ratios)})  # fmt: skip
    if options.json:
        print(json.dumps({"checkpoint": options.checkpoint, "rounds": options.rounds, "rows": rows, "absent": absent}))
        return
    table = Table("", "who", title=f"{options.checkpoint}, median of {options.rounds} rounds")
    table.add_column("µs", justify="right")
    table.add_column("times ours", justify="right")
    for row in rows:
        table.add_row(row["case"], row["who"], f"{1e6 * row['seconds']:,.0f}", f"{row['times_ours']:.2f}")
    Console(width=100).print(table)
    for line in absent:
        print(f"absent: {line}", file=sys.stderr)


if __name__ == "__main__":
    main()
