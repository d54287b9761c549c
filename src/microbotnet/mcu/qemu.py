"""QEMU, where it is installed, as a second opinion: the same network, linked with files in place of a camera."""

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..child import run_child
from ..errors import BadInput, Failed
from .board import Board
from .image import build
from .toolchain import Toolchain

SECONDS = 600
_OPTIONS = ("-nographic", "-monitor", "none", "-serial", "none", "-semihosting-config", "enable=on,target=native")


def installed() -> bool:
    """Whether QEMU for Arm is on the path."""
    return shutil.which("qemu-system-arm") is not None


def run_in_qemu(
    sources: Mapping[str, str],
    board: Board,
    toolchain: Toolchain,
    pictures: NDArray[Any],
    *,
    prefer: str = "speed",
) -> NDArray[np.uint8]:
    """Outputs (N, bytes), see `integer.outputs`, for pictures (N, …) uint8 or features int8, computed on the machine
    that the board names.

    Raises:
        BadInput: the board names none. Failed: QEMU is not installed, or the machine met a fault.
    """
    if not board.qemu:
        raise BadInput(f"board {board.name} names no QEMU machine; give it [qemu] arguments, or leave out --qemu")
    if not installed():
        raise Failed(
            "qemu-system-arm is not installed; install your system's package qemu-system-arm, or leave out --qemu"
        )
    image = build(sources, board, toolchain, prefer=prefer, semihosting=True)
    with tempfile.TemporaryDirectory(prefix="microbotnet-") as folder:
        (Path(folder) / "image.elf").write_bytes(image.elf)
        (Path(folder) / "pictures").write_bytes(pictures.tobytes())
        command = ["qemu-system-arm", *board.qemu, *_OPTIONS, "-kernel", "image.elf"]
        done = run_child(command, seconds=SECONDS, cwd=folder)
        scores = Path(folder) / "scores"
        if done.returncode or not scores.exists():
            words = done.stderr.strip().splitlines()[-1:] or ["the machine met a fault"]
            raise Failed(f"QEMU ended with code {done.returncode}: {words[0]}")
        return np.fromfile(scores, np.uint8).reshape(len(pictures), -1)
