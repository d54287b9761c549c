"""Firmware on an emulated Cortex-M0: what a network costs there, and that it computes what the interpreter does.

    python benchmarks/firmware.py NETWORK.program …   # instructions and bytes
    python benchmarks/firmware.py --random 200        # random programs: interpreter = zig = gcc = QEMU

What Arm's library takes for the same networks, and other cores: `cmsis_nn.py`.
"""

import argparse
import shutil
from dataclasses import replace
from pathlib import Path

from microbotnet.integer import interpreter
from microbotnet.integer.file import load_program
from microbotnet.integer.samples import random_pictures, random_program
from microbotnet.mcu.board import load_board
from microbotnet.mcu.firmware import make_firmware
from microbotnet.mcu.qemu import installed
from microbotnet.mcu.toolchain import find_toolchain


def measure(files: list[Path], prefer: str) -> None:
    small = load_board("microbit")
    board = replace(small, code=replace(small.code, bytes=2**26), data=replace(small.data, bytes=2**22))  # all fits
    print(f"{'network':40} {'instructions':>14} {'code+const':>11} {'RAM':>7} {'exact':>6}")
    for file in files:
        program = load_program(file)
        made = make_firmware(program, board, prefer=prefer)
        run = made.run(random_pictures(program, 3))
        image, most = made.image, max(run.instructions)
        ram = image.ram_bytes + run.execution.stack_bytes
        print(
            f"{file.stem:40} {most:14,} "
            f"{image.code_bytes + image.constant_bytes:11,} {ram:7,} {'yes' if run.bit_exact else 'NO':>6}"
        )


def agree(count: int) -> None:
    board = load_board("scum")
    chains = [find_toolchain("zig"), *([find_toolchain("gcc")] if shutil.which("arm-none-eabi-gcc") else [])]
    tally = dict.fromkeys([*(chain.name for chain in chains), *(["qemu"] if installed() else [])], 0)
    for seed in range(count):
        program = random_program(seed, operators=2 + seed % 8)
        pictures = random_pictures(program, 4, seed)
        expected = interpreter.run(program, pictures)
        for chain in chains:
            made = make_firmware(program, board, prefer=("speed", "size")[seed % 2], toolchain=chain)
            tally[chain.name] += bool((made.run(pictures).execution.scores == expected).all())
        if "qemu" in tally:
            tally["qemu"] += bool((made.second_opinion(pictures) == expected).all())
    for name, same in tally.items():
        print(f"{name}: {same} of {count} programs give the interpreter's scores")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs", nargs="*", type=Path)
    parser.add_argument("--prefer", choices=("speed", "size"), default="speed")
    parser.add_argument("--random", type=int, default=0, metavar="COUNT")
    arguments = parser.parse_args()
    if arguments.programs:
        measure(arguments.programs, arguments.prefer)
    if arguments.random or not arguments.programs:
        agree(arguments.random or 100)


if __name__ == "__main__":
    main()
