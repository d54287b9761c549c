"""Firmware on an emulated core: what a network costs there, and that it computes what the interpreter does.

    python benchmarks/firmware.py NETWORK …   # instructions and bytes on a Cortex-M0
    python benchmarks/firmware.py NETWORK … --board esp32-c3 --plain   # beside the C that knows no such core

What Arm's library takes for the same networks, and other cores: `cmsis_nn.py`. Random programs: `random_programs.py`.
"""

import argparse
from dataclasses import fields, replace

from microbotnet.integer.samples import random_pictures
from microbotnet.mcu.board import Board, load_board
from microbotnet.mcu.firmware import make_firmware
from microbotnet.sources import open_program


class Plain(Board):
    """A board for whose core nothing is written of its own: the forms of a Cortex-M0, in C where that has assembly."""

    isa = ""  # type: ignore[assignment]


def measure(networks: list[str], boards: list[Board], prefer: str) -> None:
    print(f"{'network':40} {'C':>6} {'instructions':>14} {'code+const':>11} {'RAM':>7} {'exact':>6}")
    for name in networks:
        program = open_program(name)
        for small in boards:
            code, data = replace(small.code, bytes=2**26), replace(small.data, bytes=2**22)  # all fits
            made = make_firmware(program, replace(small, code=code, data=data), prefer=prefer)
            run = made.run(random_pictures(program, 3))
            image, most = made.image, max(run.instructions)
            ram = image.ram_bytes + run.execution.stack_bytes
            print(
                f"{name:40} {'plain' if isinstance(small, Plain) else 'own':>6} {most:14,} "
                f"{image.code_bytes + image.constant_bytes:11,} {ram:7,} {'yes' if run.bit_exact else 'NO':>6}"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="+")
    parser.add_argument("--prefer", choices=("speed", "size"), default="speed")
    parser.add_argument("--board", default="microbit")
    parser.add_argument("--plain", action="store_true")
    arguments = parser.parse_args()
    board = load_board(arguments.board)
    plain = [Plain(**{field.name: getattr(board, field.name) for field in fields(board)})] if arguments.plain else []
    measure(arguments.networks, [board, *plain], arguments.prefer)


if __name__ == "__main__":
    main()
