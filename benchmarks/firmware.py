"""Firmware on an emulated Cortex-M0: what a network costs there, and that it computes what the interpreter does.

    python benchmarks/firmware.py NETWORK.program …   # instructions and bytes

What Arm's library takes for the same networks, and other cores: `cmsis_nn.py`. Random programs: `random_programs.py`.
"""

import argparse
from dataclasses import replace
from pathlib import Path

from microbotnet.integer.file import load_program
from microbotnet.integer.samples import random_pictures
from microbotnet.mcu.board import load_board
from microbotnet.mcu.firmware import make_firmware


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs", nargs="+", type=Path)
    parser.add_argument("--prefer", choices=("speed", "size"), default="speed")
    arguments = parser.parse_args()
    measure(arguments.programs, arguments.prefer)


if __name__ == "__main__":
    main()
