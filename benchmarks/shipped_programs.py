"""The C of every shipped network under sanitizers: the interpreter's integers, bit for bit, and nothing is found.

    python benchmarks/shipped_programs.py

The C is what `export --c` writes for speed and for size, and what runs on this machine. It is compiled by gcc under the
address and undefined-behaviour sanitizers and linked to a program that calls it, with input, output and arena in blocks
of exactly the promised bytes. Every network sees noise, the lowest and the highest pixels. A run that was stopped goes
on where it was; counts are kept in docs/results/reliability.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from microbotnet.engine import _suited
from microbotnet.errors import Failed
from microbotnet.integer.samples import random_pictures
from microbotnet.sources import open_program
from microbotnet.weights import is_installed, shipped_cards, shipped_program
from random_programs import PICTURES, SANITIZE, Sample, by_host
from tally import RESULTS, Tally

COMMAND = ("gcc", "-O1", "-march=native", *SANITIZE["gcc"])


def seen_by(name: str, seed: int) -> Sample:
    """Noise, the lowest values and the highest."""
    program = open_program(name)
    inputs = random_pictures(program, PICTURES, seed)
    inputs[1], inputs[2] = np.iinfo(inputs.dtype).min, np.iinfo(inputs.dtype).max
    return Sample(seed, program, inputs)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1000, help="networks, the smallest first; by default all")
    parser.add_argument("--out", type=Path, default=RESULTS / "shipped-programs.json")
    options = parser.parse_args()
    tally = Tally(options.out, "python benchmarks/shipped_programs.py")
    names = sorted(filter(is_installed, shipped_cards()), key=lambda name: len(shipped_program(name).read_bytes()))
    for seed, name in list(enumerate(names))[tally.next : options.count]:
        sample = seen_by(name, seed)
        for prefer in ("speed", "size", _suited(COMMAND)):
            try:
                same = all(by_host(COMMAND, prefer, [sample]))
            except Failed as error:
                tally.fail(f"{name}, for {prefer}: {error}")
                continue
            tally.count(f"sanitizers, C for {prefer}")
            if not same:
                tally.fail(f"{name}, for {prefer}: not the interpreter's integers, or what was printed above")
        tally.count("networks")
        tally.keep(seed + 1)
    return tally.finish()


if __name__ == "__main__":
    sys.exit(main())
