"""The best shipped network for a board."""

import subprocess
import sys
from dataclasses import replace

import pytest

from microbotnet import BadInput
from microbotnet.cost.energy import estimate_energy
from microbotnet.mcu.board import load_board
from microbotnet.search.firmware_model import STACK_BYTES, firmware_size
from microbotnet.search.recommend import recommend
from microbotnet.sources import open_program
from microbotnet.weights import shipped_cards, shipped_graph

TERNARY = "microbotnet-0.32-one-negative-one-pointwise"


def test_it_fits_and_everything_better_does_not() -> None:
    board = load_board("microbit")
    found = recommend(board, 1_000_000)
    cards = shipped_cards("cifar10")
    assert not found.best.broken
    assert found.best.costs["energy"] == estimate_energy(shipped_graph(found.best.name)[0]).total < 1_000_000
    for name, card in cards.items():
        if card["metrics"]["top1_integers"] > found.best.top1:
            energy = estimate_energy(shipped_graph(name)[0]).total
            size = firmware_size(open_program(name), prefer="size")
            assert energy > 1_000_000 or size.flash_bytes > board.code.bytes or size.ram_bytes > board.data.bytes
    if found.next:
        assert found.next.top1 == min(
            c["metrics"]["top1_integers"] for c in cards.values() if c["metrics"]["top1_integers"] > found.best.top1
        )
        assert found.next.broken
        assert "over by" in found.next.why()


def test_nothing_fits_says_what_comes_nearest_and_by_how_much() -> None:
    board = load_board("scum")
    tiny = replace(board, code=replace(board.code, bytes=4096))
    with pytest.raises(
        BadInput, match=r"no shipped network fits scum within .*; nearest is .*flash [\d,]+ bytes, over by"
    ):
        recommend(tiny, 1_000_000)
    with pytest.raises(BadInput, match=r"energy [\d.]+ µJ, over by [\d.]+ µJ"):
        recommend(load_board("microbit-v2"), 1000)
    with pytest.raises(BadInput, match=r"nothing is shipped for 'mnist'; there are networks for: .*cifar10"):
        recommend(board, data="mnist")


def test_flash_and_ram_are_those_of_the_image() -> None:
    for module in ("elftools", "ziglang"):
        pytest.importorskip(module, reason=f"{module} of the extra mcu is not installed")
    from microbotnet.mcu.firmware import make_firmware

    program = open_program(TERNARY)
    made = make_firmware(program, load_board("microbit"), prefer="size")
    size = firmware_size(program, prefer="size")
    assert size.ram_bytes == made.image.ram_bytes + STACK_BYTES
    assert size.flash_bytes == pytest.approx(len(made.image.raw), rel=0.05)


def test_the_command_needs_no_torch() -> None:
    code = (
        "import sys; from microbotnet.cli import main; sys.argv = ['microbotnet', 'recommend', '--board', 'microbit']\n"
    )
    code += "try: main()\nexcept SystemExit: pass\nprint('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("False\n")
    assert "microbotnet firmware" in done.stdout
