"""The same networks by CMSIS-NN and by ours, in one emulator: instructions of one picture, whole networks.

    python benchmarks/cmsis_nn.py CMSIS-NN-FOLDER            # six networks on four cores, into docs/firmware.md
    python benchmarks/cmsis_nn.py                            # ours again, beside the library's counts of that run
    python benchmarks/cmsis_nn.py CMSIS-NN-FOLDER NETWORK … [--core cortex-m4] [--layers]    # printed only

NETWORK is one of the six, a name of `microbotnet weights` or a .program file; CMSIS-NN-FOLDER a checkout of
https://github.com/ARM-software/CMSIS-NN, of which only the counts are kept, in docs/results/cmsis-nn.json, with its
commit; a count that is there for the same commit, program and build is not made again. Its kernels are called layer by
layer, as TensorFlow Lite for Microcontrollers calls them, on the same weights and scales; non-linearities that it has
no kernel for are a table. What that framework itself would add is left out, so the library's numbers are a lower bound
of what it takes.

The library is compiled as its makers do, by GNU at -O2, -O3 and -Ofast with newlib and by zig at -O2 and -O3 with a
libc's headers, and the build that takes the fewest instructions counts. (A freestanding build turns its loads of four
bytes into calls, and takes up to three times as many.) Its scores have 8 bits and round differently: their correlation
with the interpreter's is printed, and whether the class is the same.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from importlib.resources import files
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from microbotnet import create_model, to_program
from microbotnet.atomic import write_atomically
from microbotnet.backends.c.arrays import Arrays
from microbotnet.backends.c.kernel_call import table
from microbotnet.integer import interpreter
from microbotnet.integer.file import SUFFIX, fingerprint
from microbotnet.integer.fold import fold
from microbotnet.integer.operators import Add, Convolve, Gate, Lookup, MaxPool, Operator, SumPool
from microbotnet.integer.program import Program, Requantize, Tensor
from microbotnet.integer.rescale import quantized_multiplier
from microbotnet.integer.samples import random_pictures
from microbotnet.mcu.board import Board, load_board
from microbotnet.mcu.cores import CORES
from microbotnet.mcu.emulator import Cost, execute
from microbotnet.mcu.firmware import Firmware, make_firmware
from microbotnet.mcu.image import Image, script
from microbotnet.sources.program import open_program

ROOMS = ("ConvolutionFunctions", "FullyConnectedFunctions", "PoolingFunctions", "BasicMathFunctions",
         "NNSupportFunctions")  # fmt: skip
OTHERS = ("_f16", "_f32", "_flt", "_s4", "_f64", "lstm", "svdf")  # in the names of files that int8 networks need not
COMMON = ("-mthumb", "-std=gnu11", "-ffunction-sections", "-fdata-sections", "-fno-strict-aliasing", "-w", "-g")


ROOT = Path(__file__).resolve().parents[1]
PAGE, KEPT = ROOT / "docs" / "firmware.md", ROOT / "docs" / "results" / "cmsis-nn.json"
PICTURES = 3  # whose scores are compared; one is counted
TABLED = ("cortex-m0", "cortex-m3", "cortex-m4", "cortex-m33")
# Of the table: shipped, or of the zoo with random weights and 8 bits.
NETWORKS: dict[str, tuple[str, dict[str, Any]] | None] = {
    "grain-xl-ternary": None,
    "grain-m": None,
    "microbotnet-0.32": None,
    "ResNet-8": ("resnet8", {}),
    "MobileNetV1 ×0.25 at 32": ("mobilenet-v1", {"width": 0.25}),
    "MobileNetV1 ×0.25 at 96": ("mobilenet-v1", {"width": 0.25, "input_size": 96, "num_classes": 2}),
}


@dataclass(frozen=True)
class Build:
    """How the library is compiled."""

    compiler: str
    level: str

    @property
    def name(self) -> str:
        return f"{self.compiler} {self.level}"

    def command(self, board: Board) -> list[str]:
        core = CORES[board.core]
        if self.compiler == "gcc":
            apart = ["-fno-tree-loop-distribute-patterns"] if self.level == "-Ofast" else []
            return ["arm-none-eabi-gcc", f"-mcpu={board.core}", "-mfloat-abi=soft", *COMMON, self.level, *apart]
        target = ("-target", "thumb-linux-musleabi", f"-mcpu={core.compiled}+soft_float")
        quiet = ("-fno-sanitize=all", "-fno-stack-protector", "-fno-pic", "-fno-unwind-tables", "-fomit-frame-pointer")
        return [sys.executable, "-m", "ziglang", "cc", *target, *COMMON, *quiet, self.level]


BUILDS = (
    Build("gcc", "-O2"), Build("gcc", "-O3"), Build("gcc", "-Ofast"), Build("zig", "-O2"), Build("zig", "-O3"),
)  # fmt: skip


def scaled(how: Requantize, channels: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """y + ½ = factor·acc + offset, before the clamp: of every channel."""
    bits = how.pre_shift + how.shift
    factor = np.broadcast_to(how.multiplier, channels) / 2.0**bits
    return factor, np.broadcast_to(how.offset, channels) / 2.0**how.shift


def fixed(factor: Any) -> tuple[list[int], list[int]]:
    """Multipliers and shifts to the left, as the library has them."""
    multiplier, shift = quantized_multiplier(np.atleast_1d(np.asarray(factor, np.float64)))
    return multiplier.tolist(), (-shift).tolist()


class Translation:
    """A program as calls of the library: maps are rows of pixels of channels."""

    def __init__(self, program: Program, scores: float) -> None:
        self.program, self.arrays, self.scores = program, Arrays("net"), scores
        self.functions = [self._function(index, operator) for index, operator in enumerate(program.operators)]

    @property
    def source(self) -> str:
        maps = "".join(
            f"static int8_t {self._at(t)}[{prod(t.shape)}] __attribute__((aligned(4)));\n"
            for t in self.program.tensors.values()
            if t.dtype == "int8" or t.name == self.program.outputs[0]
        )
        calls = "".join(f"    net_op{i}(picture, scores);\n" for i in range(len(self.functions)))
        count = prod(self.program.result.shape)
        return "\n".join(
            [
                '#include "arm_nnfunctions.h"\n#include "arm_nnsupportfunctions.h"\n#include "net.h"\n',
                "static int32_t room[1 << 17];",
                'static const cmsis_nn_context ctx = {room, sizeof room};\n',
                *self.arrays.texts, maps,
                "static void look_up(int8_t *y, const int8_t *table, int count)\n{\n"
                "    for (; count; count--, y++)\n        *y = table[*y + 128];\n}\n",
                *self.functions,
                "void net_run(const uint8_t *picture, int16_t *scores, void *arena)\n{\n    (void)arena;\n"
                f"{calls}    for (int i = 0; i < {count}; i++)\n"
                f"        scores[i] = {self._at(self.program.result)}[i];\n}}\n",
            ]
        )  # fmt: skip

    def _at(self, tensor: Tensor) -> str:
        return f"map{list(self.program.tensors).index(tensor.name)}"

    def _array(self, values: Any, what: str, dtype: Any = np.int32) -> str:
        return self.arrays.add(np.ascontiguousarray(values, dtype), what)

    def _function(self, index: int, operator: Operator) -> str:
        inputs, y = self.program.of(operator)
        what = f"op{index}"
        body = {
            Lookup: self._lookup, Convolve: self._convolve, SumPool: self._sum, MaxPool: self._most, Add: self._add,
            Gate: self._gate,
        }[type(operator)](what, operator, inputs, y)  # fmt: skip
        lines = "".join(f"    {line};\n" for line in body)
        return (
            f"static __attribute__((noinline)) void net_{what}(const uint8_t *picture, int16_t *scores)\n{{\n"
            f"    (void)picture;\n    (void)scores;\n{lines}}}\n"
        )

    def _clamped(self, how: Requantize, what: str, y: Tensor) -> tuple[str, list[str]]:
        """Limits of the call, and what follows it."""
        if how.table is None:
            return f"{max(how.low, -128)}, {min(how.high, 127)}", []
        return "-128, 127", [f"look_up({self._at(y)}, {self._array(table(how), what, np.int8)}, {prod(y.shape)})"]

    def _lookup(self, what: str, operator: Lookup, inputs: tuple[Tensor, ...], y: Tensor) -> list[str]:
        (x,) = inputs
        channels, pixels = y.shape[0], prod(y.shape[1:])
        tables = self._array(operator.tables, f"{what}_tables", np.int8)
        if x.dtype != "uint8":
            return [f"for (int i = 0; i < {prod(y.shape)}; i++) {self._at(y)}[i] = {tables}[{self._at(x)}[i] + 128]"]
        lines = []
        for c in range(channels):
            own = f"{tables} + {256 * c if len(operator.tables) > 1 else 0}"
            lines += [f"for (int i = 0; i < {pixels}; i++) {self._at(y)}[{channels} * i + {c}] = "
                      f"({own})[picture[{pixels * c} + i]]"]  # fmt: skip
        return lines

    def _convolve(self, what: str, operator: Convolve, inputs: tuple[Tensor, ...], y: Tensor) -> list[str]:
        (x,), how, outputs = inputs, operator.requantize, len(operator.weights)
        factor, offset = scaled(how, outputs)
        weights = (
            operator.weights.astype(np.int64) * np.sign(factor + (factor == 0)).astype(np.int64)[:, None, None, None]
        )
        last = y.name == self.program.outputs[0]
        if last:
            factor, offset = factor * self.scores, (offset - 0.5) * self.scores + 0.5
        factor = np.maximum(np.abs(factor), 2.0**-20)  # of a channel that never changes, too
        total = weights.reshape(outputs, -1).sum(1)
        bias = np.rint((offset - 0.5) / factor) + x.zero_point * total
        multiplier, shift = fixed(factor)
        depthwise = operator.groups == x.shape[0] and operator.groups > 1 and operator.weights.shape[1] == 1
        if operator.groups > 1 and not depthwise:
            raise SystemExit(f"{operator.name}: {operator.groups} groups; only depthwise layers are translated")
        order = weights.transpose(1, 2, 3, 0) if depthwise else weights.transpose(0, 2, 3, 1)
        names = (self._array(order.clip(-128, 127), f"{what}_weights", np.int8), self._array(bias, f"{what}_bias"),
                 self._array(multiplier, f"{what}_multiplier"), self._array(shift, f"{what}_shift"))  # fmt: skip
        limits, more = self._clamped(how, f"{what}_table", y)
        (tall, wide), (down, right), (above, before) = operator.weights.shape[2:], operator.stride, operator.padding
        quant = f"(int32_t *){names[2]}, (int32_t *){names[3]}"
        end = f"{names[0]}, &(const cmsis_nn_dims){{1, 1, 1, {outputs}}}, {names[1]}"
        if x.shape[1:] == (1, 1) and not depthwise:
            call = (
                f"arm_fully_connected_wrapper_s8(&ctx, "
                f"&(const cmsis_nn_fc_params){{{-x.zero_point}, 0, 0, {{{limits}}}}}, "
                f"&(const cmsis_nn_quant_params){{{quant}, 1}}, &(const cmsis_nn_dims){{1, 1, 1, {x.shape[0]}}}, "
                f"{self._at(x)}, &(const cmsis_nn_dims){{{x.shape[0]}, 1, 1, {outputs}}}, {end}, "
                f"&(const cmsis_nn_dims){{1, 1, 1, {outputs}}}, {self._at(y)})"
            )
            return [call, *more]
        kind, multiple = ("depthwise_conv", f"{outputs // x.shape[0]}, ") if depthwise else ("convolve", "")
        filters = f"1, {tall}, {wide}, {outputs}" if depthwise else f"{outputs}, {tall}, {wide}, {x.shape[0]}"
        parameters = f"{-x.zero_point}, 0, {multiple}{{{right}, {down}}}, {{{before}, {above}}}, {{1, 1}}, {{{limits}}}"
        struct = "cmsis_nn_dw_conv_params" if depthwise else "cmsis_nn_conv_params"
        call = (
            f"arm_{kind}_wrapper_s8(&ctx, &(const {struct}){{{parameters}}}, "
            f"&(const cmsis_nn_per_channel_quant_params){{{quant}}}, {self._dims(x)}, {self._at(x)}, "
            f"&(const cmsis_nn_dims){{{filters}}}, {end}, {self._dims(y)}, {self._at(y)})"
        )
        return [call, *more]

    def _dims(self, tensor: Tensor) -> str:
        channels, height, width = tensor.shape
        return f"&(const cmsis_nn_dims){{1, {height}, {width}, {channels}}}"

    def _pool(self, kind: str, operator: SumPool | MaxPool, x: Tensor, y: Tensor) -> str:
        above, before = getattr(operator, "padding", (0, 0))
        down, right = operator.stride
        tall, wide = operator.kernel
        return (
            f"arm_{kind}_s8(&ctx, "
            f"&(const cmsis_nn_pool_params){{{{{right}, {down}}}, {{{before}, {above}}}, {{-128, 127}}}}, "
            f"{self._dims(x)}, {self._at(x)}, &(const cmsis_nn_dims){{1, {tall}, {wide}, 1}}, {self._dims(y)}, "
            f"{self._at(y)})"
        )

    def _sum(self, what: str, operator: SumPool, inputs: tuple[Tensor, ...], y: Tensor) -> list[str]:
        """The library's mean, whose scale is the input's; then a table."""
        (x,) = inputs
        mean = np.arange(-128, 128).reshape(1, 256, 1, 1) * prod(operator.kernel)
        how = operator.requantize
        values = operator.requantize.apply(mean).reshape(-1)
        if y.name == self.program.outputs[0]:
            factor, offset = scaled(how, 1)
            values = np.rint((factor * mean.reshape(-1) + offset - 0.5) * self.scores)
        found = self._array(np.clip(values, -128, 127), f"{what}_table", np.int8)
        return [self._pool("avgpool", operator, x, y), f"look_up({self._at(y)}, {found}, {prod(y.shape)})"]

    def _most(self, what: str, operator: MaxPool, inputs: tuple[Tensor, ...], y: Tensor) -> list[str]:
        return [self._pool("max_pool", operator, inputs[0], y)]

    def _add(self, what: str, operator: Add, inputs: tuple[Tensor, ...], y: Tensor) -> list[str]:
        (a, b), how, left = inputs, operator.requantize, 20
        scales = [m / 2.0**how.shift for m in operator.multipliers]
        twice = 2 * max(map(abs, scales))
        (ma, mb), (sa, sb) = fixed([scale / twice for scale in scales])
        (mo,), (so,) = fixed(twice / 2.0**left)
        middle = (
            how.offset[0] / 2.0**how.shift - 0.5 + sum(s * t.zero_point for s, t in zip(scales, inputs, strict=True))
        )
        limits, more = self._clamped(how, f"{what}_table", y)
        return [
            f"arm_elementwise_add_s8({self._at(a)}, {self._at(b)}, {-a.zero_point}, {ma}, {sa}, "
            f"{-b.zero_point}, {mb}, {sb}, {left}, {self._at(y)}, {round(middle)}, "
            f"{mo}, {so}, {limits}, {prod(y.shape)})", *more,
        ]  # fmt: skip

    def _gate(self, what: str, operator: Gate, inputs: tuple[Tensor, ...], y: Tensor) -> list[str]:
        (x, g), how = inputs, operator.requantize
        factor, offset = scaled(how, 1)
        (multiplier,), (shift,) = fixed(factor)
        limits, more = self._clamped(how, f"{what}_table", y)
        channels = y.shape[0]
        return [
            f"for (int i = 0; i < {prod(y.shape)}; i += {channels}) "
            f"arm_elementwise_mul_s8({self._at(x)} + i, {self._at(g)}, {-x.zero_point}, {-g.zero_point}, "
            f"{self._at(y)} + i, {round(offset[0] - 0.5)}, {multiplier}, {shift}, "
            f"{limits}, {channels})", *more,
        ]  # fmt: skip


HEADER = """
#include <stdint.h>
#define NET_INPUT_BYTES {size}
#define NET_CLASSES {classes}
#define NET_OUTPUT_BYTES (2 * NET_CLASSES)
#define NET_ARENA_BYTES 4
typedef uint8_t net_input_t;
typedef int16_t net_output_t;
void net_run(const uint8_t *picture, int16_t *scores, void *arena);
"""


class Library:
    """CMSIS-NN, compiled once for a board by each build."""

    def __init__(self, folder: Path, board: Board, room: Path) -> None:
        self.folder, self.board, self.room = folder, board, room
        if not (folder / "Include" / "arm_nnfunctions.h").is_file():
            raise SystemExit(f"{folder}: no checkout of CMSIS-NN: Include/arm_nnfunctions.h is missing")
        self.sources = [
            source
            for name in ROOMS
            for source in sorted((folder / "Source" / name).glob("*.c"))
            if not any(other in source.name for other in OTHERS)
        ]

    def link(self, build: Build, translation: Translation) -> Image:
        """The image of a network by the library."""
        program, own = translation.program, self.room / build.name.replace(" ", "")
        objects = self._objects(build, own)
        header = HEADER.format(size=prod(program.tensors[program.input].shape), classes=prod(program.result.shape))
        texts = {"net.h": header, "net.c": translation.source, "board.ld": script(self.board, self.board.data)}
        runtime = files("microbotnet.mcu") / "runtime"
        texts |= {name: (runtime / name).read_text("utf-8") for name in ("start.c", "memory.c")}
        for name, text in texts.items():
            (own / name).write_text(text)
        command = [*build.command(self.board), f"-I{self.folder / 'Include'}", f"-I{own}"]
        for name in ("net", "start", "memory"):
            level = ["-fno-tree-loop-distribute-patterns"] if build.compiler == "gcc" else ["-ffreestanding"]
            freestanding = level if name == "memory" else []
            subprocess.run([*command, *freestanding, "-c", own / f"{name}.c", "-o", own / f"{name}.o"], check=True)
        parts = [own / f"{name}.o" for name in ("net", "start", "memory")]
        link = ["-nostdlib", "-nostartfiles", f"-Wl,-T,{own / 'board.ld'}", "-Wl,--gc-sections", "-Wl,-e,Reset_Handler"]
        if build.compiler == "gcc":
            command, library = [*build.command(self.board), "-Wl,--no-check-sections"], "-lgcc"
        else:
            kind = ("-target", "thumb-freestanding-eabi", f"-mcpu={CORES[self.board.core].compiled}")
            command, library = [sys.executable, "-m", "ziglang", "cc", *kind, "-fno-sanitize=all"], "-lcompiler_rt"
        subprocess.run([*command, *link, *parts, *objects, library, "-o", own / "net.elf"], check=True)
        return Image((own / "net.elf").read_bytes(), self.board, build.compiler)

    def _objects(self, build: Build, own: Path) -> list[Path]:
        if not own.exists():
            own.mkdir()
            command = [*build.command(self.board), f"-I{self.folder / 'Include'}", "-c", *self.sources]
            if build.compiler == "gcc":
                subprocess.run(command, check=True, cwd=own)
            else:
                for source in self.sources:
                    subprocess.run([*command[: -len(self.sources)], source], check=True, cwd=own)
        return [own / source.with_suffix(".o").name for source in self.sources]


@dataclass(frozen=True)
class Count:
    """What the library takes for a picture. program: the digest of what was run. same: pictures of the same class."""

    network: str
    core: str
    build: str
    commit: str
    program: str
    instructions: int
    cycles: int
    flash: int
    correlation: float
    same: str
    layers: tuple[int, ...]


def board_of(core: str) -> Board:
    """A board with this core and room for all."""
    found = load_board("microbit-v2")
    return replace(found, core=core, code=replace(found.code, bytes=2**26), data=replace(found.data, bytes=2**23))


def program_of(network: str) -> Program:
    """One of the table's networks, or what else has a program."""
    if network not in NETWORKS or NETWORKS[network] is None:
        return open_program(network)
    torch.manual_seed(0)
    net, options = NETWORKS[network]
    model = create_model(net, **options)
    size = options.get("input_size", 32)
    pictures = np.random.default_rng(0).integers(0, 256, (16, 3, size, size), dtype=np.uint8)
    return to_program(model, pictures, mean=[0.5] * 3, std=[0.25] * 3)


class Measurements:
    """Ours and the library's, of a network on a core; the library's are kept."""

    def __init__(self, folder: Path | None, builds: list[Build], file: Path | None) -> None:
        self.folder, self.builds, self.file = folder, builds, file
        self.room = Path(tempfile.mkdtemp())
        kept = json.loads(file.read_text("utf-8")) if file and file.is_file() else []
        self.counts = [Count(**{**each, "layers": tuple(each["layers"])}) for each in kept]
        self.commit = ""
        if folder:
            words = ["git", "-C", str(folder), "rev-parse", "HEAD"]
            self.commit = subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
            self.counts = [count for count in self.counts if count.commit == self.commit]

    def ours(self, program: Program, core: str) -> tuple[Firmware, Cost]:
        """The firmware, and what a picture costs."""
        firmware = make_firmware(program, board_of(core))
        ran = firmware.run(random_pictures(program, 1))
        if not ran.bit_exact:
            raise SystemExit("our scores are not the interpreter's")
        return firmware, ran.execution.costs[0]

    def theirs(self, network: str, program: Program, core: str) -> Count:
        """The build that takes the fewest instructions."""
        digest = fingerprint(program)[:16]
        for build in self.builds if self.folder else []:
            if not any(self._is(count, core, digest) and count.build == build.name for count in self.counts):
                count, mine = self._count(network, program, digest, core, build), (network, core, build.name)
                others = [each for each in self.counts if (each.network, each.core, each.build) != mine]
                self.counts = [*others, count]
                self._keep()
        found = [count for count in self.counts if self._is(count, core, digest)]
        if not found:
            raise SystemExit(f"{network} on {core}: the library's count is not known; give the folder of CMSIS-NN")
        return min(found, key=lambda count: count.instructions)

    def _is(self, count: Count, core: str, digest: str) -> bool:
        return (count.core, count.program) == (core, digest)

    def _count(self, network: str, program: Program, digest: str, core: str, build: Build) -> Count:
        assert self.folder is not None
        pictures = random_pictures(program, PICTURES)
        expected = interpreter.run(program, pictures).reshape(PICTURES, -1)
        translation = Translation(fold(program), 120 / max(1, int(np.abs(expected).max())))
        (self.room / core).mkdir(exist_ok=True)
        image = Library(self.folder.resolve(), board_of(core), self.room / core).link(build, translation)
        scores = execute(image, pictures, counted=False).scores.reshape(PICTURES, -1)
        (cost,) = execute(image, pictures[:1]).costs
        same = int((scores.argmax(1) == expected.argmax(1)).sum())
        return Count(
            network, core, build.name, self.commit, digest, cost.total_instructions, cost.total_cycles, len(image.raw),
            round(float(np.corrcoef(scores.reshape(-1), expected.reshape(-1))[0, 1]), 3), f"{same} of {PICTURES}",
            tuple(cost.instructions.get(index, 0) for index in range(len(fold(program).operators))),
        )  # fmt: skip

    def _keep(self) -> None:
        if self.file:
            content = json.dumps([vars(count) for count in self.counts], indent=0, ensure_ascii=False) + "\n"
            write_atomically(self.file, content.encode())


def row(label: str, core: str, ours: Cost, flash: int, theirs: Count) -> str:
    ratio = f"{ours.total_instructions / theirs.instructions:.2f}"
    cycles = f"{ours.total_cycles / theirs.cycles:.2f}" if theirs.cycles else "–"
    counts = f"{ours.total_instructions / 1e6:.2f} M | {theirs.instructions / 1e6:.2f} M, {theirs.build}"
    agreed = f"{theirs.correlation:.3f}, {theirs.same}"
    sizes = f"{flash / 1024:.1f} kB | {theirs.flash / 1024:.1f} kB"
    return f"| {label} | {core} | {counts} | **{ratio}** | {cycles} | {agreed} | {sizes} |"


HEAD = [
    "| network | core | ours | CMSIS-NN, its best build | ours / theirs | by modelled cycles | correlation, same class "
    "| flash | its flash |",
    "|---|---|--:|--:|--:|--:|--:|--:|--:|",
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library", type=Path, nargs="?")
    parser.add_argument("networks", nargs="*")
    parser.add_argument("--core", action="append", choices=CORES, help="may be given several times")
    parser.add_argument("--build", action="append", help="'gcc -O2', …; may be given several times")
    parser.add_argument("--layers", action="store_true", help="every layer, beside the library's")
    arguments = parser.parse_args()
    there = [build for build in BUILDS if build.compiler == "zig" or shutil.which("arm-none-eabi-gcc")]
    builds = [build for build in there if arguments.build is None or build.name in arguments.build]
    measured = Measurements(arguments.library, builds, None if arguments.networks else KEPT)
    lines = list(HEAD)
    print(*HEAD, sep="\n")
    for network in arguments.networks or NETWORKS:
        program = program_of(network)
        for core in arguments.core or TABLED:
            theirs = measured.theirs(network, program, core)
            firmware, ours = measured.ours(program, core)
            label = Path(network.removesuffix(SUFFIX)).name
            lines.append(row(label, core, ours, len(firmware.image.raw), theirs))
            print(lines[-1], flush=True)
            for index, layer in firmware.layers.items() if arguments.layers else ():
                a, b = ours.instructions.get(index, 0), theirs.layers[index]
                print(f"  {layer:46} {a:12,} {b:12,} {a / b if b else 0:6.2f}")
    if not arguments.networks and not arguments.core:
        before, begin, rest = PAGE.read_text("utf-8").partition("<!-- cmsis-nn -->\n")
        _, end, behind = rest.partition("<!-- /cmsis-nn -->")
        table = "".join(f"{line}\n" for line in lines)
        write_atomically(PAGE, f"{before}{begin}{table}{end}{behind}".encode())


if __name__ == "__main__":
    main()
