"""A camera before the network: instructions a pixel, bytes of flash, that C is NumPy, and what it costs in accuracy.

    python benchmarks/camera.py                    # instructions and flash on an emulated Cortex-M0 and M4
    python benchmarks/camera.py --package          # flash that a package's example adds to the bare image
    python benchmarks/camera.py --frames 100000    # random frames through converter and network: C = NumPy
    python benchmarks/camera.py --accuracy         # the Micro Robot sets through a camera of 64×64 pixels

Accuracy is compared picture by picture: lost are those that are right as they are and wrong through the camera, won the
others. Were a camera harmless, the difference would still stray from 0 by √(lost + won) pictures.
"""

import argparse
import ctypes
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from microbotnet.backends.c import write_c
from microbotnet.camera import camera_of, convert, seen
from microbotnet.data.resize import resized
from microbotnet.data.source import open_source, positions
from microbotnet.inference import Predictor, predictor
from microbotnet.integer import interpreter
from microbotnet.integer.samples import random_program
from microbotnet.mcu.board import load_board
from microbotnet.mcu.firmware import make_firmware
from microbotnet.mcu.image import CAMERA
from microbotnet.mcu.toolchain import find_toolchain
from microbotnet.sources import open_program

BOARDS = ("microbit", "microbit-v2")
CAMERAS = (
    "rgb565:160x120", "rgb565:160x120:crop=stretch", "rgb565:324x244", "rgb888:160x120", "grey8:160x120",
    "yuv422:160x120", "bayer8:160x120",
)  # fmt: skip
FRAMES = (
    "rgb565:160x120", "rgb565:96x72:crop=letterbox", "rgb565:65x67", "rgb565:324x244", "rgb888:97x61:crop=stretch",
    "grey8:64x64", "yuv422:66x70", "yuv422:160x120", "bayer8:160x120", "bayer8:66x70:crop=letterbox",
)  # fmt: skip
SETS = ("outdoor", "indoor", "micro", "combined")
AT = {  # what is seen: the camera, and whether pictures come to it already resized as in training
    "filter alone": ("rgb888:64x64", False), "colours alone": ("rgb565:32x32", True), "both": ("rgb565:64x64", False),
}  # fmt: skip


def instructions() -> None:
    program = random_program(3, size=(32, 32), operators=2)
    print(f"{'camera':30} {'board':12} {'compiler':8} {'a pixel':>8} {'flash':>6} {'exact':>6}")
    for text in CAMERAS:
        camera = camera_of(text, (3, 32, 32))
        frames = np.random.default_rng(0).integers(0, 256, (1, camera.height, camera.row_bytes), np.uint8)
        for name in BOARDS:
            for compiler in ("zig", "gcc"):
                small, toolchain = load_board(name), find_toolchain(compiler)
                board = replace(small, data=replace(small.data, bytes=2**22))  # any network fits
                bare = make_firmware(program, board, toolchain=toolchain)
                made = make_firmware(program, board, toolchain=toolchain, camera=text)
                run = made.run(frames)
                each = run.execution.costs[0].instructions[CAMERA] / (camera.width * camera.height)
                flash = len(made.image.raw) - len(bare.image.raw)
                exact = "yes" if run.bit_exact else "NO"
                print(f"{text:30} {name:12} {compiler:8} {each:8.2f} {flash:6,} {exact:>6}", flush=True)


ARDUINO = """
#include <stddef.h>
#include <stdint.h>
#define F_CPU 16000000UL
struct Port {
    void begin(long);
    size_t readBytes(char *to, size_t count);
    void print(const char *);
    void print(char);
    void print(int);
    void print(unsigned long);
    void println();
};
extern Port Serial;
unsigned long micros();
"""


def package(network: str = "grain-s", text: str = "rgb565:160x120") -> None:
    """The sketch's own code, the converter, labels and class; not what the Arduino core brings to print them."""
    for name in BOARDS:
        board, zig = load_board(name), find_toolchain("zig")
        flags = [*zig._core(board.core), "-Os", "-ffreestanding", "-ffunction-sections", "-fdata-sections", "-c"]
        with tempfile.TemporaryDirectory() as folder:
            eye, to = Path(folder) / "eye", Path(folder)
            write_c(open_program(network), eye, name="eye", camera=text, package="arduino")
            (to / "Arduino.h").write_text(ARDUINO)
            (to / "sketch.cpp").write_text((eye / "examples" / "classify" / "classify.ino").read_text())
            sources = [to / "sketch.cpp", eye / "src" / "eye_camera.c", eye / "src" / "eye.c"]
            total = 0
            for source in sources:
                kind = "c++" if source.suffix == ".cpp" else "cc"
                words = [*zig.command[:-1], kind, *flags, f"-I{to}", f"-I{eye / 'src'}", source, "-o", to / "x.o"]
                if kind == "c++":
                    words += ["-fno-exceptions", "-fno-rtti"]
                subprocess.run([*map(str, words)], check=True)
                size = added(to / "x.o", of_network=source.name == "eye.c")
                print(
                    f"{name:12} {source.name:14} {size:6,} bytes"
                    + (" (labels, class)" if kind == "cc" and size < 400 else "")
                )
                total += size
            print(f"{name:12} {'together':14} {total:6,} bytes over the bare image of {network}")


def added(path: Path, of_network: bool) -> int:
    """Bytes of an object that stay in flash; of the network's, labels and the class alone."""
    from elftools.elf.elffile import ELFFile

    with path.open("rb") as file:
        sections = [s for s in ELFFile(file).iter_sections() if s["sh_flags"] & 2 and s["sh_type"] == "SHT_PROGBITS"]
        kept = [s for s in sections if not of_network or any(w in s.name for w in ("labels", "_class", ".str"))]
        return sum(s["sh_size"] for s in kept if ".ARM.exidx" not in s.name)


def same(count: int) -> None:
    """Random frames through converter and network, in C on this machine and in NumPy."""
    each = -(-count // len(FRAMES))
    for number, text in enumerate(FRAMES):
        program = random_program(number, size=(32, 32), operators=4)
        program_camera = camera_of(text, program.tensors[program.input].shape)
        with tempfile.TemporaryDirectory() as folder:
            written = write_c(program, Path(folder), camera=text)
            (Path(folder) / "main.c").unlink()
            sources = [str(path) for path in written.files if path.suffix == ".c" and path.name != "main.c"]
            subprocess.run(["gcc", "-O2", "-shared", "-fPIC", *sources, "-o", f"{folder}/eye.so"], check=True)
            library = ctypes.CDLL(f"{folder}/eye.so")
            rng, wrong = np.random.default_rng(number), 0
            for begin in range(0, each, 100):
                size = (min(100, each - begin), program_camera.height, program_camera.row_bytes)
                frames = rng.integers(0, 256, size, np.uint8)
                expected = interpreter.run(program, convert(program_camera, frames))
                wrong += int(
                    (scores(library, frames, program_camera.rows, expected.shape, written.arena_bytes) != expected)
                    .any(1)
                    .sum()
                )
        print(f"{text:30} {each:8,} frames, {wrong} of other scores", flush=True)


def scores(library: ctypes.CDLL, frames: np.ndarray, rows: int, shape: tuple[int, ...], arena_bytes: int) -> np.ndarray:
    found, picture = np.zeros(shape, np.int16), np.zeros(3 * 32 * 32, np.uint8)
    arena, state = (ctypes.c_uint32 * (arena_bytes // 4 + 1))(), ctypes.create_string_buffer(8 * 3 * 32 + 64)
    for frame, out in zip(np.ascontiguousarray(frames), found, strict=True):
        library.net_camera_begin(state, ctypes.c_void_p(picture.ctypes.data))
        for row in frame:
            library.net_camera_row(state, ctypes.c_void_p(row.ctypes.data))
        library.net_run(ctypes.c_void_p(picture.ctypes.data), ctypes.c_void_p(out.ctypes.data), arena)
    return found


def accuracy(networks: list[str]) -> None:
    """On the sets' test pictures, and on the ten times as many that the networks were trained on."""
    print(f"{'network':42} {'pictures':>14} {'as it is':>9}  " + "".join(f"{name:>26}" for name in AT))
    sums: dict[str, np.ndarray] = {}
    for name in networks:
        network = predictor(name)
        kind = next(each for each in SETS if f"-{each}" in name)
        source = open_source(f"micro-robot/{kind}", size=64)
        for split in ("test", "train"):
            images, labels = source.load(split)
            truth = np.array(positions(network.classes, source.classes, name))[labels.numpy()]
            small = resized(images, 32).numpy()
            plain, line = right(network, small, truth), []
            for text, already in AT.values():
                other = right(network, seen(camera_of(text, (3, 32, 32)), small if already else images.numpy()), truth)
                line += [int((plain & ~other).sum()), int((~plain & other).sum())]
            counted = np.array([len(plain), int(plain.sum()), *line])
            sums[split] = sums.get(split, 0 * counted) + counted
            share = 100 * plain.mean()
            print(f"{name:42} {split:>5} {len(plain):8,}  {share:8.2f}  {told(len(plain), line)}", flush=True)
    for split, (count, plain, *line) in sums.items():
        print(f"{'all':42} {split:>5} {count:8,}  {100 * plain / count:8.2f}  {told(count, line)}")


def right(network: Predictor, pictures: np.ndarray, truth: np.ndarray) -> np.ndarray:
    parts = np.array_split(pictures, max(1, len(pictures) // 1000))
    return np.concatenate([network.predict(part).argmax(1) for part in parts]) == truth


def told(count: int, line: list[int]) -> str:
    """Points, how far they stray by chance, and what was lost and won."""
    found = ""
    for lost, won in zip(line[::2], line[1::2], strict=True):
        stray = 100 * (lost + won) ** 0.5 / count
        found += f"{100 * (won - lost) / count:+9.2f} ± {stray:4.2f} {f'−{lost} +{won}':>11}"
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--package", action="store_true")
    parser.add_argument("--frames", type=int, default=0, metavar="COUNT")
    parser.add_argument("--accuracy", action="store_true")
    arguments = parser.parse_args()
    if arguments.package:
        package()
    elif arguments.frames:
        same(arguments.frames)
    elif arguments.accuracy:
        names = [f"microbotnet-0.32-{each}{kind}" for each in SETS for kind in ("", "-one-negative-one")]
        accuracy(["grain-m-outdoor", *names])
    else:
        instructions()


if __name__ == "__main__":
    main()
