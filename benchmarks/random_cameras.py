"""Random cameras: whether the converter's C gives the pictures that NumPy does, and sanitizers find nothing.

    python benchmarks/random_cameras.py --count 2000

Cameras are drawn by their seeds, 0, 1, 2, …: every format and crop, frames of odd sizes, networks of any input. A batch
is one program, compiled under the address and undefined-behaviour sanitizers; every row of a frame, every picture and
every state has a block of exactly the promised bytes. Frames are noise, black and white. By turns of batches pixels are
read two at a time, as this machine can, and one by one, as others do. A run that was stopped goes on where it was;
counts are kept in docs/results/reliability.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from microbotnet.backends.c.camera import emit_camera
from microbotnet.camera import Camera, camera_of, convert
from microbotnet.camera.camera import CROPS, FORMATS
from microbotnet.child import run_child
from microbotnet.errors import BadInput, Failed
from tally import RESULTS, Tally

BATCH, FRAMES = 10, 3
SECONDS = 600  # that a batch may take in any child
COMMAND = ("gcc", "-O0", "-std=c99", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")

MAIN = """
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
%(headers)s
%(functions)s
int main(void)
{
    int wrong = 0;

%(calls)s
    return wrong;
}
"""
# Says 1 if a row was not the last where it should not be, or was where it should.
FUNCTION = """
static int run%(i)d(void)
{
    int wrong = 0;

    for (int frame = 0; frame < %(frames)d; frame++) {
        uint8_t *picture = malloc(%(size)d);
        n%(i)d_camera_t *camera = malloc(sizeof *camera);

        memset(picture, 7, %(size)d);
        n%(i)d_camera_begin(camera, picture);
        for (int y = 0; y < %(height)d; y++) {
            uint8_t *row = malloc(%(row)d);

            if (fread(row, 1, %(row)d, stdin) != %(row)d)
                exit(2);
            wrong |= n%(i)d_camera_row(camera, row) != (y == %(height)d - 1);
            free(row);
        }
        fwrite(picture, 1, %(size)d, stdout);
        free(picture);
        free(camera);
    }
    return wrong;
}
"""


def drawn(seed: int) -> Camera:
    """The first camera of the seed's that there can be."""
    rng = np.random.default_rng(seed)
    while True:
        form = str(rng.choice(sorted(FORMATS)))
        shape = int(rng.choice([1, 3])), int(rng.integers(1, 41)), int(rng.integers(1, 41))
        if rng.integers(2):
            width, height = (int(n) for n in rng.integers(1, 180, 2))
        else:  # near the network's own size, or a multiple of it
            times = rng.integers(1, 5, 2)
            width, height = (
                int(n * t + d) for n, t, d in zip(shape[:0:-1], times, rng.integers(-1, 2, 2), strict=True)
            )
        try:
            return camera_of(f"{form}:{width}x{height}:crop={rng.choice(CROPS)}", shape)
        except BadInput:
            continue


def frames_for(camera: Camera, seed: int) -> NDArray[np.uint8]:
    frames = np.random.default_rng(seed).integers(0, 256, (FRAMES, camera.height, camera.row_bytes), np.uint8)
    frames[1:2], frames[2:] = 0, 255
    return frames


def by_c(cameras: Sequence[Camera], frames: Sequence[NDArray[np.uint8]], one_by_one: bool) -> Iterator[bool]:
    """Whether each gives NumPy's pictures; a crash fails the camera it was in and all behind it."""
    wanted = [convert(camera, shown).tobytes() for camera, shown in zip(cameras, frames, strict=True)]
    files, functions = {}, []
    for i, camera in enumerate(cameras):
        files |= emit_camera(camera, f"n{i}")
        size = len(wanted[i]) // FRAMES
        functions.append(
            FUNCTION % {"i": i, "frames": FRAMES, "size": size, "height": camera.height, "row": camera.row_bytes}
        )
    if one_by_one:
        files = {name: text.replace("defined(__x86_64__)", "0") for name, text in files.items()}
    files["main.c"] = MAIN % {
        "headers": "".join(f'#include "n{i}_camera.h"\n' for i in range(len(cameras))),
        "functions": "".join(functions),
        "calls": "".join(f"    wrong |= run{i}();\n    fflush(stdout);\n" for i in range(len(cameras))),
    }
    with tempfile.TemporaryDirectory(prefix="microbotnet-") as folder:
        for name, text in files.items():
            (Path(folder) / name).write_text(text, "utf-8")
        sources = sorted(name for name in files if name.endswith(".c"))
        made = run_child([*COMMAND, *sources, "-o", "many"], seconds=SECONDS, cwd=folder)
        if made.returncode:
            raise Failed(f"does not compile: {made.stderr[:500]}")
        (Path(folder) / "input").write_bytes(b"".join(shown.tobytes() for shown in frames))
        ran = run_child(["sh", "-c", "./many <input >output"], seconds=SECONDS, cwd=folder)
        if ran.returncode:
            raise Failed(f"ends with {ran.returncode}: {ran.stderr[:2000]}")
        output = (Path(folder) / "output").read_bytes()
    at = 0
    for pictures in wanted:
        yield output[at : at + len(pictures)] == pictures
        at += len(pictures)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=2000, help="cameras in all, those of earlier runs counted in")
    parser.add_argument("--batch", type=int, default=BATCH, help="cameras in a program")
    parser.add_argument("--out", type=Path, default=RESULTS / "random-cameras.json")
    options = parser.parse_args()
    tally = Tally(options.out, "python benchmarks/random_cameras.py --count 2000")
    while tally.next < options.count:
        first, last = tally.next, min(tally.next + options.batch, options.count)
        cameras = [drawn(seed) for seed in range(first, last)]
        frames = [frames_for(camera, seed) for seed, camera in enumerate(cameras, first)]
        try:
            for seed, (camera, same) in enumerate(
                zip(cameras, by_c(cameras, frames, bool(first // options.batch % 2)), strict=True), first
            ):
                tally.count("cameras, sanitizers")
                tally.count(f"of these {camera.format}")
                if not same:
                    tally.fail(f"seed {seed}, {camera.text}: not NumPy's picture")
        except Failed as error:
            tally.fail(f"seeds {first} to {last - 1}: {error}")
        tally.keep(last)
    return tally.finish()


if __name__ == "__main__":
    sys.exit(main())
