"""Fit search/firmware_model.toml to compiled and emulated firmware of random designs, and say how well it fits.

python tools/fit_firmware_model.py             # fit, write, and measure the error on designs not fitted to
python tools/fit_firmware_model.py --check     # only measure

Designs and weights are drawn. Takes some minutes.
"""

import argparse
import statistics
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np

from microbotnet.atomic import write_atomically
from microbotnet.backends.c import emit
from microbotnet.cost.macs import count_macs
from microbotnet.design import ACTIVATIONS, HeadPrecision, StagePrecision
from microbotnet.design.graph import design_graph
from microbotnet.mcu.board import Board, Memory
from microbotnet.mcu.emulator import execute
from microbotnet.mcu.image import build
from microbotnet.mcu.toolchain import find_toolchain
from microbotnet.search import firmware_model
from microbotnet.search.firmware_model import FEATURES, code_counts, family, features, firmware_cost, usage
from microbotnet.search.space import SPACE, design_of
from microbotnet.search.untrained import untrained_program

FILE = Path(firmware_model.__file__).with_suffix(".toml")
# Large enough for every design, with SCuM's core.
BOARD = Board("any", "", "cortex-m0", 5_000_000, 32, Memory(0, 2**22, "sram"), Memory(0x2000_0000, 2**20, "sram"))
MOST = 1_500_000  # MACs of a design that is fitted to


def samples(count, seed):
    """Graphs of designs drawn at random, wider than the search space, so that every kernel of the back end occurs."""
    draw = np.random.default_rng(seed)

    def one(values):
        return values[draw.integers(len(values))]

    while count:
        design = design_of({question: one(answers) for question, answers in SPACE.items()})
        if draw.random() < 0.4:
            stages = tuple(
                replace(
                    stage, kernel=one([1, 3, 5, 7]), stride=one([1, 2, 3]), activation=one(ACTIVATIONS),
                    groups=one([1, 2]),  # all channels of the space are even
                    shift_max=not stage.squeeze_excite and one([False, False, True]),
                    precision=StagePrecision(*(one(["int8", "ternary"]) for _ in range(4))),
                )
                for stage in design.stages
            )  # fmt: skip
            head = replace(design.head, hidden=one([0, 40]), precision=HeadPrecision("int8", "ternary", "ternary"))
            design = replace(design, stages=stages, head=head, resolution=one([20, 32, 33, 48]))
        graph = design_graph(design, density=one([0.3, 0.5, 0.7]))
        if count_macs(graph) <= MOST:
            count -= 1
            yield graph


def measured(graph, prefer):
    """The image's bytes of code and constants, and the instructions of each operator."""
    made = untrained_program(graph)
    sources = {name: text for name, text in emit(made.program, prefer=prefer).items() if name != "main.c"}
    image = build(sources, BOARD, find_toolchain(), prefer=prefer)
    shape = made.program.tensors[made.program.input].shape
    picture = np.random.default_rng(0).integers(0, 256, (1, *shape), dtype=np.uint8)
    (cost,) = execute(image, picture).costs
    return len(image.raw), cost.instructions, cost.total_instructions


def solve(rows, values):
    """Least squares with no negative coefficient, each row weighed by the root of its value."""
    a, b = np.array(rows, float), np.array(values, float)
    weight = 1 / np.sqrt(np.maximum(b, 1))
    a, b = a * weight[:, None], b * weight
    scale = np.maximum(np.abs(a).max(0), 1e-12)
    kept = [i for i in range(a.shape[1]) if np.abs(a[:, i]).max() > 0]
    while True:
        found = np.linalg.lstsq(a[:, kept] / scale[kept], b, rcond=1e-9)[0]
        if not len(kept) or found.min() >= 0:
            break
        kept.pop(int(found.argmin()))
    full = np.zeros(a.shape[1])
    full[kept] = found / scale[kept]
    return full


def fit(prefer, count):
    """The coefficients as lines of TOML."""
    rows, values, uses, rest = defaultdict(list), defaultdict(list), [], []
    for graph in samples(count, seed=1):
        made = untrained_program(graph)
        use = usage(made.program, prefer)
        size, instructions, _ = measured(graph, prefer)
        for index, kernel in zip(use.operators, use.kernels, strict=True):
            rows[family(kernel)].append(features(made.layers[index]))
            values[family(kernel)].append(instructions[index])
        uses.append(code_counts(use.kernels))
        rest.append(size - use.constant_bytes - use.straight_bytes)
        print(f"{prefer}: {len(uses)} of {count}", flush=True)
    kernels = sorted(rows)
    lines = [f"[{prefer}.instructions]  # {', '.join(FEATURES)}"]
    for kernel in kernels:
        lines.append(f"{kernel} = [{', '.join(f'{c:.5g}' for c in solve(rows[kernel], values[kernel]))}]")
    table = [[1, *(x for k in kernels for x in u.get(k, (0, 0)))] for u in uses]
    found = solve(table, rest)
    lines += ["", f"[{prefer}.code]  # bytes: once, each call", f"base = {found[0]:.5g}"]
    lines += [f"{k} = [{found[1 + 2 * i]:.5g}, {found[2 + 2 * i]:.5g}]" for i, k in enumerate(kernels)]
    return lines


def check(prefer, count):
    """Print the errors on designs that were not fitted to."""
    errors = defaultdict(list)
    for graph in samples(count, seed=2):
        guess = firmware_cost(graph, prefer=prefer)
        size, _, total = measured(graph, prefer)
        errors["flash"].append(abs(guess.flash_bytes / size - 1))
        errors["instructions"].append(abs(guess.instructions / total - 1))
    for what, found in errors.items():
        print(f"{prefer}: {what}: error median {statistics.median(found):.2%}, largest {max(found):.2%} of {count}")


def main():
    """Fit, unless only checking, then check."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--designs", type=int, default=40)
    options = parser.parse_args()
    if not options.check:
        lines = ["# Made by tools/fit_firmware_model.py: what the kernels of the C back end take on a Cortex-M0."]
        for prefer in ("speed", "size"):
            lines += ["", *fit(prefer, options.designs)]
        write_atomically(FILE, ("\n".join(lines) + "\n").encode())
        firmware_model.coefficients.cache_clear()
    for prefer in ("speed", "size"):
        check(prefer, max(2, options.designs // 4))


if __name__ == "__main__":
    main()
