"""Random programs: whether every engine gives the interpreter's integers, bit for bit, and sanitizers find nothing.

    python benchmarks/random_programs.py --count 100000
    python benchmarks/random_programs.py --count 10000 --cores    # every program on every core, and nothing else
    python benchmarks/random_programs.py --seed 900165    # one program through everything

Programs are drawn by their seeds, 0, 1, 2, …: classifiers of pictures at awkward shapes, and networks of any operators,
inputs and outputs (`integer/samples.py`), one in eight as deep as a test's, the others of one to three operators and
their end. A batch of them is one C file, compiled once for each engine. Every program goes through ONNX, by turns of
batches as written and as onnxruntime optimizes it, and through the C for small cores, by turns for speed and for size,
on this machine. There tcc compiles it, in a tenth of the time, and gcc and clang have every eighth pair of batches;
where there is no tcc, all. Every fourth pair also goes through an emulated Cortex-M0, an eighth of these optimized as
firmware is. One pair in 32 each goes through sanitizers (by turns gcc's for addresses and undefined behaviour, and
clang's for undefined behaviour), a Cortex-M4 with its DSP instructions, and a RISC-V core; a quarter of one goes
through the C for this machine's vector registers, by turns with sanitizers and without. Where a batch fails, it is
halved until the seed is known. A run that was stopped goes on where it was; counts are kept in
docs/results/reliability.
"""

import argparse
import gc
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from microbotnet.backends.c import emit_together
from microbotnet.backends.onnx import to_onnx
from microbotnet.child import run_child
from microbotnet.engine import _suited
from microbotnet.errors import Failed
from microbotnet.integer.interpreter import run_all
from microbotnet.integer.outputs import output_bytes, packed, unpacked
from microbotnet.integer.program import Program
from microbotnet.integer.samples import random_network, random_pictures, random_program
from microbotnet.mcu.board import load_board
from microbotnet.mcu.cores import CORES
from microbotnet.mcu.emulator import execute
from microbotnet.mcu.image import Image, script
from microbotnet.mcu.toolchain import OPTIMIZE, find_toolchain
from tally import RESULTS, Tally

BATCH, PICTURES = 200, 3
SECONDS = 600  # that a batch may take in any child
DIFFERENT = ("cortex-m0", "cortex-m3", "cortex-m4", "cortex-m33", "cortex-m7", "rv32imc", "rv32ec")
RARE = 32  # every so many pairs of batches each of what is slow
TURNS = 4 * RARE  # pairs, after which every engine has had every compiler
SANITIZE = {
    "gcc": ("-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"),
    "clang": ("-fsanitize=undefined", "-fsanitize-trap=undefined"),  # of Debian's clang no runtime is needed so
}

# Buffers have exactly the promised bytes, each in a block of its own.
HOST = """
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
%(headers)s
typedef struct { void (*run)(const void *, void *, void *); size_t input, output, arena; } net_t;
%(wrappers)s
static const net_t nets[] = {
%(table)s
};

int main(void)
{
    for (size_t n = 0; n < sizeof nets / sizeof *nets; n++)
        for (int i = 0; i < %(pictures)d; i++) {
            void *input = malloc(nets[n].input), *output = malloc(nets[n].output), *arena = malloc(nets[n].arena);

            if (fread(input, 1, nets[n].input, stdin) != nets[n].input)
                return 2;
            memset(output, 0, nets[n].output);
            nets[n].run(input, output, arena);
            fwrite(output, 1, nets[n].output, stdout);
            fflush(stdout);
            free(input);
            free(output);
            free(arena);
        }
    return 0;
}
"""

# One network in the place of many: the first two bytes of its input say which. What it leaves unwritten is 0.
CORE_HEADER = """
#include <stdint.h>
#define NET_INPUT_BYTES %d
#define NET_OUTPUT_BYTES %d
#define NET_ARENA_BYTES %d
typedef uint8_t net_input_t;
typedef uint8_t net_output_t;
void net_run(const net_input_t *input, net_output_t *output, void *arena);
"""
CORE = """
#include "net.h"
%(headers)s
%(wrappers)s
static void (*const nets[])(const void *, void *, void *) = {%(table)s};

void net_run(const net_input_t *input, net_output_t *output, void *arena)
{
    for (int i = 0; i < NET_OUTPUT_BYTES; i++)
        output[i] = 0;
    nets[input[0] | input[1] << 8](input + 4, output, arena);
}
"""


Engine = partial[Iterator[bool]]  # still to be given the programs
Engines = Callable[[int], Iterator[tuple[str, int, Engine]]]


def drawn(seed: int) -> Program:
    if seed % 32 == 0:
        return random_program(seed, size=(14, 14), operators=3)
    if seed // 2 % 8 == 1:
        return random_program(seed) if seed % 2 else random_network(seed)
    short = (1, 1, 2, 3)[seed // 16 % 4]
    return random_program(seed, operators=short) if seed % 2 else random_network(seed, operators=short)


def drawn_for_cores(seed: int) -> Program:
    """Every other one with the largest weights, zero points at the ends of a byte, and sums that saturate."""
    return random_program(seed, operators=1 + seed // 2 % 5, saturating=True) if seed % 2 else drawn(seed)


class Sample:
    """A program, what goes in and what must come out."""

    def __init__(self, seed: int, program: Program, inputs: NDArray[Any] | None = None) -> None:
        self.seed, self.program = seed, program
        self.inputs = random_pictures(program, PICTURES, seed) if inputs is None else inputs
        self.wanted = packed(self.program, run_all(self.program, self.inputs))
        self.raw = self.inputs.reshape(PICTURES, -1).view(np.uint8)


def by_onnx(optimized: bool, samples: Sequence[Sample]) -> Iterator[bool]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    if not optimized:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    for sample in samples:
        content = to_onnx(sample.program).SerializeToString()
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        made = session.run(None, {session.get_inputs()[0].name: sample.inputs})
        yield all(
            got.dtype == wanted.dtype and np.array_equal(got, wanted)
            for got, wanted in zip(made, unpacked(sample.program, sample.wanted), strict=True)
        )


@lru_cache(maxsize=1)  # what runs here runs on a Cortex-M0, too
def sources_of(samples: tuple[Sample, ...], prefer: str, isa: str) -> dict[str, str]:
    return emit_together({f"n{i}": s.program for i, s in enumerate(samples)}, name="many", prefer=prefer, isa=isa)


def parts(count: int, entry: str) -> dict[str, Any]:
    """What HOST and CORE list of each network."""
    return {
        "headers": "".join(f'#include "n{i}.h"\n' for i in range(count)),
        "wrappers": "".join(
            f"static void run{i}(const void *x, void *y, void *arena) {{ n{i}_run(x, y, arena); }}\n"
            for i in range(count)
        ),
        "table": ",\n".join(entry.format(i=i, n=f"N{i}") for i in range(count)),
        "pictures": PICTURES,
    }


def by_host(command: Sequence[str], prefer: str, samples: Sequence[Sample]) -> Iterator[bool]:
    """On this machine, by a C compiler; a crash fails all."""
    sources = sources_of(tuple(samples), prefer, "")
    main = HOST % parts(len(samples), "    {{run{i}, {n}_INPUT_BYTES, {n}_OUTPUT_BYTES, {n}_ARENA_BYTES}}")
    with tempfile.TemporaryDirectory(prefix="microbotnet-") as folder:
        for name, text in {**sources, "main.c": main}.items():
            (Path(folder) / name).write_text(text, "utf-8")
        words = [*command, "-std=c99", "-DMICROBOTNET_CHECK", "many.c", "main.c", "-o", "many"]
        made = run_child(words, seconds=SECONDS, cwd=folder)
        if made.returncode:
            raise Failed(f"does not compile: {made.stderr[:500]}")
        (Path(folder) / "input").write_bytes(b"".join(sample.raw.tobytes() for sample in samples))
        ran = run_child(["sh", "-c", "./many <input >output"], seconds=SECONDS, cwd=folder)
        if ran.returncode:
            raise Failed(f"ends with {ran.returncode}: {ran.stderr[:2000]}")
        output = (Path(folder) / "output").read_bytes()
    at = 0
    for sample in samples:
        size = sample.wanted.nbytes
        yield output[at : at + size] == sample.wanted.tobytes()
        at += size


def by_core(core: str, prefer: str, optimize: str, samples: Sequence[Sample]) -> Iterator[bool]:
    """On an emulated core, with the C for its kind, optimized as firmware is if nothing else is said; a fault fails
    all.
    """
    small = load_board("esp32-c3" if CORES[core].riscv else "microbit-v2")
    sources = sources_of(tuple(samples), prefer, replace(small, core=core).isa)
    board = replace(small, core=core, code=replace(small.code, bytes=2**26), data=replace(small.data, bytes=2**22))
    longest = 4 + max(sample.raw.shape[1] for sample in samples)
    output = -(-max(output_bytes(sample.program) for sample in samples) // 4) * 4
    arena = max(int(size) for size in re.findall(r"_ARENA_BYTES (\d+)", "".join(sources.values())))
    runtime = Path(sys.modules["microbotnet.mcu"].__path__[0]) / "runtime"
    files = {name: text for name, text in sources.items() if name != "main.c"} | {
        "net.h": CORE_HEADER % (longest, output, arena),
        "net.c": CORE % parts(len(samples), "run{i}"),
        "board.ld": script(board, board.data),
        **{name: (runtime / name).read_text("utf-8") for name in ("start.c", "memory.c")},
    }
    chain = find_toolchain("zig")
    with patch.dict(OPTIMIZE, {prefer: optimize or OPTIMIZE[prefer]}):
        image = Image(chain.link(files, board.core, prefer), board, chain.name)
    inputs = np.zeros((len(samples), PICTURES, longest), np.uint8)
    for index, sample in enumerate(samples):
        inputs[index, :, :2] = index & 255, index >> 8
        inputs[index, :, 4 : 4 + sample.raw.shape[1]] = sample.raw
    made = execute(image, inputs.reshape(-1, longest), counted=False).outputs.reshape(len(samples), PICTURES, -1)
    for sample, got in zip(samples, made, strict=True):
        size = sample.wanted.shape[1]
        yield np.array_equal(got[:, :size], sample.wanted) and not got[:, size:].any()


def engines(number: int) -> Iterator[tuple[str, int, Engine]]:
    """What a batch goes through, by its number: a name, of how many programs one does, and what runs it."""
    compilers = [name for name in ("gcc", "clang") if shutil.which(name)]
    prefer, pair = ("speed", "size")[number % 2], number // 2
    turn, quick = pair % RARE, pair % 8 != 1 and shutil.which("tcc") is not None
    compiler = compilers[(pair // 8 + pair // RARE) % len(compilers)]  # whatever comes by RARE has each in its turn
    command = ["tcc"] if quick else [compiler, {9: "-O1", 25: "-O2"}.get(turn, "-O0")]
    checked = [compiler, "-O0", *SANITIZE[compiler]]
    yield "ONNX (onnxruntime)", 1, partial(by_onnx, pair % 4 == 3)
    where = "by tcc" if quick else "on this machine"
    yield f"C for small cores, for {prefer}, {where}", 1, partial(by_host, command, prefer)
    if turn % 4 == 0:
        yield f"C on a Cortex-M0, for {prefer}", 1, partial(by_core, "cortex-m0", prefer, "-O0" if turn else "")
    if turn == 2:
        yield f"sanitizers of {compiler}, C for {prefer}", 1, partial(by_host, checked, prefer)
    elif turn == 10:
        yield f"C on a Cortex-M4, for {prefer}", 1, partial(by_core, "cortex-m4", prefer, "")
    elif turn == 18:
        yield f"C on a RISC-V core, for {prefer}", 1, partial(by_core, "rv32imc", prefer, "")
    elif turn == 26:
        host = ("vectors", "avx512")[number % 2]
        if host == "avx512" and _suited([compiler, "-march=native"]) != host:
            return
        if pair // RARE % 4 < 2:
            what, command = f"sanitizers of {compiler}, C for {host}", checked
        else:
            what, command = f"C for hosts, {host}", [compiler, "-O1"]
        yield what, 4, partial(by_host, [*command, "-march=native"], host)  # half a second each


def on_every_core(number: int) -> Iterator[tuple[str, int, Engine]]:
    """Each core whose instructions are others."""
    prefer = ("speed", "size")[number % 2]
    for core in DIFFERENT:
        yield f"C on {core}, for {prefer}", 1, partial(by_core, core, prefer, "")


def failures(name: str, run: Engine, samples: Sequence[Sample]) -> list[str]:
    """What an engine does otherwise, by seeds."""
    try:
        agreed = list(run(samples))
    except Failed as error:
        if len(samples) == 1:
            return [f"{name}, seed {samples[0].seed}: {error}"]
        half = len(samples) // 2
        found = [*failures(name, run, samples[:half]), *failures(name, run, samples[half:])]
        return found or [f"{name}, seeds {samples[0].seed} to {samples[-1].seed}, only together: {error}"]
    same = zip(samples, agreed, strict=True)
    return [f"{name}, seed {sample.seed}: not the interpreter's integers" for sample, good in same if not good]


def alone(sample: Sample, through: Engines) -> int:
    """One program through every engine, with every compiler and option; the exit code."""
    found: dict[str, list[str]] = {}
    for number in range(2 * TURNS):
        for name, _, run in through(number):
            how = f"{name} {run.args}"
            if how not in found:
                found[how] = failures(name, run, [sample])
                print(f"{how}: {'; '.join(found[how]) or 'the same'}", flush=True)
    return int(any(found.values()))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100_000, help="programs in all, those of earlier runs counted in")
    parser.add_argument("--batch", type=int, default=BATCH, help="programs in a C file")
    parser.add_argument("--cores", action="store_true", help="every core for every program")
    parser.add_argument("--seed", type=int, help="only this program, through everything; nothing is counted")
    parser.add_argument("--out", type=Path, help="the counts; by default in docs/results/reliability")
    options = parser.parse_args()
    draw, through, words = (drawn_for_cores, on_every_core, " --cores") if options.cores else (drawn, engines, "")
    if options.seed is not None:
        return alone(Sample(options.seed, draw(options.seed)), through)
    gc.freeze()  # what is imported need not be searched again and again
    out = options.out or RESULTS / f"random-programs{'-on-cores' if options.cores else ''}.json"
    tally = Tally(
        out, f"python benchmarks/random_programs.py --count {options.count if options.cores else 100000}{words}"
    )
    begun, used = tally.next, sum(os.times()[:4])
    while tally.next < options.count:
        first = tally.next
        samples = [Sample(seed, draw(seed)) for seed in range(first, min(first + options.batch, options.count))]
        tally.count("programs", len(samples))
        for name, one_of, run in through(first // options.batch):
            some = samples[: -(-len(samples) // one_of)]
            for failure in failures(name, run, some):
                tally.fail(failure)
            tally.count(name, len(some))
        each = (sum(os.times()[:4]) - used) / (first + len(samples) - begun)
        tally.note("seconds of processor for a program", round(each, 3))
        tally.keep(first + len(samples))
    return tally.finish()


if __name__ == "__main__":
    sys.exit(main())
