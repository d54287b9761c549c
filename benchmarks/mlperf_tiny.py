"""The four networks of MLPerf Tiny on the boards that hold them: instructions, flash and RAM, into docs/mlperf-tiny.md.

    python benchmarks/mlperf_tiny.py [--models FOLDER] [--boards NAME …]

FOLDER holds the int8 files of the benchmark's reference submissions (mlcommons/tiny); what is not in it is counted with
random weights of the right shapes. Every run is held against the interpreter.
"""

import argparse
import platform
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

import microbotnet
from microbotnet.atomic import write_atomically
from microbotnet.integer.program import Program
from microbotnet.mcu.board import Board, board_names
from microbotnet.mcu.firmware import Firmware, Run
from microbotnet.mcu.toolchain import find_toolchain
from microbotnet.nets import find_net

ROOT = Path(__file__).resolve().parents[1]
MODELS = ROOT.parent / "shared" / "models"
INPUTS = 1  # that are run on each core


@dataclass(frozen=True)
class Task:
    """A network of the benchmark. options: of `create_model`. file: the reference's int8 file."""

    title: str
    net: str
    shape: tuple[int, ...]
    options: dict[str, float | int]
    file: str = ""

    @property
    def command(self) -> str:
        """That counts it."""
        flags = {"width": "--width", "input_size": "--input-size", "num_classes": "--classes"}
        words = [f"{flags[key]} {value:g}" for key, value in self.options.items()]
        return " ".join(("microbotnet profile", self.net, *words))


TASKS = [
    Task("Image classification: ResNet-8", "resnet8", (3, 32, 32), {}, "pretrainedResnet_quant.tflite"),
    Task("Keyword spotting: DS-CNN", "ds-cnn", (1, 49, 10), {}, "kws_ref_model.tflite"),
    Task(
        "Visual wake words: MobileNet V1 ×0.25 at 96×96", "mobilenet-v1", (3, 96, 96),
        {"width": 0.25, "input_size": 96, "num_classes": 2},
    ),
    Task("Anomaly detection: deep autoencoder", "deep-autoencoder", (640,), {}),
]  # fmt: skip


def reference(task: Task, models: Path) -> Program | None:
    """The program of the reference's file, if it is there."""
    file = models / task.file
    return microbotnet.import_tflite(file).program if task.file and file.is_file() else None


def with_random_weights(task: Task) -> Program:
    """The zoo's network, lowered by this project, with random weights."""
    torch.manual_seed(0)
    random = np.random.default_rng(0)
    model = microbotnet.create_model(task.net, **task.options)  # type: ignore[arg-type]
    if len(task.shape) == 3 and task.shape[0] == 3:
        inputs = random.integers(0, 256, (16, *task.shape), dtype=np.uint8)
        return microbotnet.to_program(model, inputs, mean=[0.5] * 3, std=[0.25] * 3)
    return microbotnet.to_program(model, random.normal(size=(16, *task.shape)).astype(np.float32))


class Measured:
    """A program's firmware, core by core: the code, and so its instructions, is the same on every board it fits."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.cores: dict[str, tuple[Run, Firmware]] = {}

    def on(self, board: Board) -> tuple[Run, Firmware] | str:
        """The fastest firmware that fits, run, and the smallest; or why there is none."""
        try:
            microbotnet.make_firmware(self.program, board, prefer="size")
        except microbotnet.BadInput as error:
            return str(error).partition(";")[0]
        if board.core not in self.cores:
            roomy = replace(board, code=replace(board.code, bytes=2**26), data=replace(board.data, bytes=2**22))
            fast = microbotnet.make_firmware(self.program, roomy)
            self.cores[board.core] = self._run(fast), microbotnet.make_firmware(self.program, roomy, prefer="size")
        run, small = self.cores[board.core]
        if len(run.firmware.image.raw) <= board.code.bytes and ram_of(run) <= board.data.bytes:
            return run, small
        return self._run(microbotnet.make_firmware(self.program, board)), small

    def _run(self, firmware: Firmware) -> Run:
        x = self.program.tensors[self.program.input]
        low, high = (0, 256) if x.dtype == "uint8" else (-128, 128)
        run = firmware.run(np.random.default_rng(1).integers(low, high, (INPUTS, *x.shape)).astype(x.dtype))
        if not run.bit_exact:
            raise SystemExit(f"{firmware.board.name}: the outputs are not the interpreter's")
        return run


def ram_of(run: Run) -> int:
    return run.firmware.image.ram_bytes + run.execution.stack_bytes


def row(board: Board, run: Run, small: Firmware) -> str:
    image = run.firmware.image
    time = "" if run.mean_cycles is None else f"{1000 * run.mean_cycles / board.clock_hz:,.0f} ms"
    flash = f"{(image.code_bytes + image.constant_bytes) / 1024:,.1f} kB"
    least = f"{(small.image.code_bytes + small.image.constant_bytes) / 1024:,.1f} kB"
    core = f"{board.core}, {board.clock_hz / 1e6:g} MHz"
    most = max(run.instructions)
    return (
        f"| {board.name} | {core} | {most / 1e6:,.2f} M | {time} | {flash} | {least} | {ram_of(run) / 1024:,.1f} kB |"
    )


def section(task: Task, models: Path, boards: list[Board]) -> str:
    file = reference(task, models)
    source = "random weights" if file is None else f"the reference's int8 file `{task.file}`"
    measured = Measured(file or with_random_weights(task))
    net = find_net(task.net)
    graph = microbotnet.trace(microbotnet.create_model(task.net, **task.options), task.shape)  # type: ignore[arg-type]
    outputs = graph[graph.outputs[0]].shape[0]
    sizes = "×".join(map(str, task.shape))
    lines = [
        f"## {task.title}",
        f"{net.summary.rstrip('.')}. {sizes} in, {outputs} out; {microbotnet.count_macs(graph):,} MACs (conv_linear), "
        f"{graph.parameter_count:,} parameters: `{task.command}`. Counted with {source}.",
        "",
        "| board | core | instructions | time, modelled | flash | flash, `--prefer size` | RAM |",
        "|---|---|--:|--:|--:|--:|--:|",
    ]
    refused = []
    for board in boards:
        found = measured.on(board)
        print(task.net, board.name, found if isinstance(found, str) else row(board, *found), flush=True)
        if isinstance(found, str):
            refused.append(found.removeprefix("does not fit "))
        else:
            lines.append(row(board, *found))
    if file is not None:
        lines += ["", _own_rounding(task, measured)]
    lines += ["", "Too large for " + "; ".join(refused) + "."] if refused else []
    return "\n".join([*lines, ""])


def _own_rounding(task: Task, theirs: Measured) -> str:
    """What meeting TensorFlow Lite's rounding bit for bit costs."""
    ours, words = Measured(with_random_weights(task)), []
    for name in ("nucleo-l4p5zg", "rp2040"):
        board = microbotnet.load_board(name)
        found = [measured.on(board) for measured in (ours, theirs)]
        counts = [max(one[0].instructions) for one in found if not isinstance(one, str)]
        if len(counts) == 2:
            words.append(f"{counts[0] / 1e6:,.2f} M on {board.core} instead of {counts[1] / 1e6:,.2f} M")
    return "In this project's own rounding, with random weights: " + ", ".join(words) + "."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--models", type=Path, default=MODELS)
    parser.add_argument("--boards", nargs="*", default=board_names())
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "mlperf-tiny.md")
    options = parser.parse_args()
    boards = [microbotnet.load_board(name) for name in options.boards]
    head = f"""# The four networks of MLPerf Tiny

This page says what the networks of the benchmark (Banbury et al. 2021, arXiv 2106.07597) need of a chip as this \
project's firmware, for one input. `python benchmarks/mlperf_tiny.py` made it with {find_toolchain().name}, on \
{platform.machine()}.

- Instructions are counted on an emulated core for a random input. Every output equals the interpreter's.
- Time is a model ([the firmware](firmware.md)). It leaves out the time that a core waits for flash.
- Flash is code and constants of the fastest image that fits. Beside it is the smallest image, which is slower.
- RAM is arena, input, outputs and stack.

All four are in the zoo as PyTorch. Instructions and bytes depend a little on the weights (on zeros and on equal \
multipliers). So the numbers of random weights are near those of trained ones, but not equal. The page claims no \
accuracy except for ResNet-8: its reference file scores 87.09 % on CIFAR-10's test set, as on TensorFlow Lite for \
Microcontrollers (`microbotnet evaluate --checkpoint pretrainedResnet_quant.tflite`).

"""
    text = head + "\n".join(section(task, options.models, boards) for task in TASKS)
    write_atomically(options.output, text.encode())


if __name__ == "__main__":
    main()
