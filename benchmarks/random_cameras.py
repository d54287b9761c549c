"""Random cameras: whether the converter's C gives the pictures that NumPy does, and sanitizers find nothing.

    python benchmarks/random_cameras.py --count 2000

Cameras are drawn by their seeds, 0, 1, 2, …: every format and crop, frames of odd sizes, networks of any input. A batch
is one program. Every tenth is compiled under the address and undefined-behaviour sanitizers, every row of a frame,
every picture and every state in a block of exactly the promised bytes. The others are compiled by tcc, in a hundredth
of the time, and the blocks end where a page ends behind which there is none; where there is no tcc, all go through the
sanitizers. Frames are noise, black and white. By turns of batches pixels are read two at a time, as this machine can,
and one by one, as others do. A run that was stopped goes on where it was; counts are kept in docs/results/reliability.
"""

import argparse
import shutil
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

BATCH, FRAMES, CHECKED = 10, 3, 10
SECONDS = 600  # that a batch may take in any child
SANITIZED = ("gcc", "-O0", "-std=c99", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
QUICK = ("tcc", "-std=c99", "-DPAGES", "-D__builtin_memcpy=memcpy")

MAIN = """
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
%(headers)s
#ifdef PAGES
enum { PAGE = 4096 };
static size_t pages(size_t size)
{
    return (size + PAGE - 1) / PAGE * PAGE;
}
static void *block(size_t size)
{
    char *made = mmap(0, pages(size) + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (made == MAP_FAILED || mprotect(made + pages(size), PAGE, PROT_NONE))
        exit(3);
    return made + pages(size) - size;
}
static void release(void *block, size_t size)
{
    munmap((char *)block + size - pages(size), pages(size) + PAGE);
}
#else
#define block malloc
#define release(block, size) free(block)
#endif
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
        uint8_t *picture = block(%(size)d);
        n%(i)d_camera_t *camera = block(sizeof *camera);

        memset(picture, 7, %(size)d);
        n%(i)d_camera_begin(camera, picture);
        for (int y = 0; y < %(height)d; y++) {
            uint8_t *row = block(%(row)d);

            if (fread(row, 1, %(row)d, stdin) != %(row)d)
                exit(2);
            wrong |= n%(i)d_camera_row(camera, row) != (y == %(height)d - 1);
            release(row, %(row)d);
        }
        fwrite(picture, 1, %(size)d, stdout);
        release(picture, %(size)d);
        release(camera, sizeof *camera);
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


def by_c(
    cameras: Sequence[Camera], frames: Sequence[NDArray[np.uint8]], one_by_one: bool, command: Sequence[str]
) -> Iterator[bool]:
    """Whether each gives NumPy's pictures; a crash fails all."""
    wanted = [convert(camera, shown).tobytes() for camera, shown in zip(cameras, frames, strict=True)]
    files, functions = {}, []
    for i, camera in enumerate(cameras):
        files |= emit_camera(camera, f"n{i}")
        size = len(wanted[i]) // FRAMES
        functions.append(
            FUNCTION % {"i": i, "frames": FRAMES, "size": size, "height": camera.height, "row": camera.row_bytes}
        )
    # tcc has what the pairs need, and does not say so.
    old, new = ("defined(__x86_64__)", "0") if one_by_one else ("defined(__GNUC__) && (", "(")
    files = {name: text.replace(old, new) for name, text in files.items()}
    files["main.c"] = MAIN % {
        "headers": "".join(f'#include "n{i}_camera.h"\n' for i in range(len(cameras))),
        "functions": "".join(functions),
        "calls": "".join(f"    wrong |= run{i}();\n    fflush(stdout);\n" for i in range(len(cameras))),
    }
    with tempfile.TemporaryDirectory(prefix="microbotnet-") as folder:
        for name, text in files.items():
            (Path(folder) / name).write_text(text, "utf-8")
        sources = sorted(name for name in files if name.endswith(".c"))
        made = run_child([*command, *sources, "-o", "many"], seconds=SECONDS, cwd=folder)
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


def failures(seeds: Sequence[int], one_by_one: bool, command: Sequence[str]) -> list[str]:
    """What goes wrong, by seeds; where a batch ends early, each is tried alone."""
    cameras = [drawn(seed) for seed in seeds]
    frames = [frames_for(camera, seed) for seed, camera in zip(seeds, cameras, strict=True)]
    try:
        found = zip(seeds, cameras, by_c(cameras, frames, one_by_one, command), strict=True)
        return [f"seed {seed}, {camera.text}: not NumPy's picture" for seed, camera, same in found if not same]
    except Failed as error:
        if len(seeds) == 1:
            return [f"seed {seeds[0]}, {cameras[0].text}: {error}"]
        alone = [failure for seed in seeds for failure in failures([seed], one_by_one, command)]
        return alone or [f"seeds {seeds[0]} to {seeds[-1]}, only together: {error}"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=2000, help="cameras in all, those of earlier runs counted in")
    parser.add_argument("--batch", type=int, default=BATCH, help="cameras in a program")
    parser.add_argument("--out", type=Path, default=RESULTS / "random-cameras.json")
    options = parser.parse_args()
    tally = Tally(options.out, "python benchmarks/random_cameras.py --count 2000")
    while tally.next < options.count:
        first, last = tally.next, min(tally.next + options.batch, options.count)
        number = first // options.batch
        quick = number % CHECKED > 0 and shutil.which("tcc") is not None
        for failure in failures(range(first, last), bool(number // CHECKED % 2), QUICK if quick else SANITIZED):
            tally.fail(failure)
        tally.count("cameras, at the ends of pages" if quick else "cameras, sanitizers", last - first)
        for seed in range(first, last):
            tally.count(f"of these {drawn(seed).format}")
        tally.keep(last)
    return tally.finish()


if __name__ == "__main__":
    sys.exit(main())
