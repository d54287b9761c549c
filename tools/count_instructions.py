"""Writes tests/golden/instructions.toml: what shipped networks take on each kind of core, which a test holds to 2 %.

    python tools/count_instructions.py

Run it when a kernel of the back end is made faster, and look at the difference: nothing may become slower unseen.
"""

from dataclasses import replace
from pathlib import Path

from microbotnet.atomic import write_atomically
from microbotnet.integer.samples import random_pictures
from microbotnet.mcu.board import Board, load_board
from microbotnet.mcu.firmware import make_firmware
from microbotnet.sources.program import open_program

GOLDEN = Path(__file__).parents[1] / "tests" / "golden" / "instructions.toml"
CORES = (  # a board of each core whose code is another: for grain-s-ternary
    ("microbit", "speed"), ("microbit", "size"), ("microbit-v2", "speed"), ("nrf5340-dk", "speed"),
    ("esp32-c3", "speed"),
)  # fmt: skip
MORE = (  # layers of other shapes and kernels of 8 bits; the smallest and the default
    ("grain-m", "microbit", "speed"), ("grain-m", "microbit", "size"), ("grain-m", "microbit-v2", "speed"),
    ("grain-m", "esp32-c3", "speed"), ("grain-xl-ternary", "microbit", "speed"),
    ("microbotnet-0.32-one-negative-one-all", "microbit", "speed"), ("microbotnet-0.32", "microbit-v2", "speed"),
    ("grain-xs-ternary", "ch32v003", "speed"), ("grain-xs-ternary", "microbit", "speed"),
)  # fmt: skip
ELSEWHERE = ("cortex-m3", "cortex-m7", "cortex-m23")  # cores that no board here has, as a micro:bit v2's
PICTURE = 3  # the seed of the noise


def count(network: str, board: Board, prefer: str) -> int:
    """Instructions of one picture of noise, every output equal to the interpreter's."""
    made = make_firmware(open_program(network), board, prefer=prefer)
    ran = made.run(random_pictures(made.program, 1, PICTURE))
    if not ran.bit_exact:
        raise SystemExit(f"{network} on {board.name}, {board.core}: not the interpreter's scores")
    return ran.instructions[0]


def main() -> None:
    """Count all of them, print and write them."""
    lines = ["# Instructions of one picture of noise, by zig 0.17.1. Made by `python tools/count_instructions.py`.\n"]
    counted = [("grain-s-ternary", *core) for core in CORES] + list(MORE)
    rows = [(*row, load_board(row[1]).core) for row in counted]
    rows += [("grain-s-ternary", "microbit-v2", "speed", core) for core in ELSEWHERE]
    for network, board, prefer, core in rows:
        found = count(network, replace(load_board(board), core=core), prefer)
        print(f"{network:40} {board:12} {core:14} {prefer:6} {found:12,}", flush=True)
        where = f'network = "{network}"\nboard = "{board}"\ncore = "{core}"\nprefer = "{prefer}"'
        lines.append(f"\n[[count]]\n{where}\ninstructions = {found:_}\n")
    write_atomically(GOLDEN, "".join(lines).encode())


if __name__ == "__main__":
    main()
