"""A camera's rows go in on the emulated core, and the interpreter's scores come out."""

import numpy as np
import pytest

from microbotnet.camera import camera_of, convert, frames_of
from microbotnet.errors import BadInput
from microbotnet.integer.interpreter import run
from microbotnet.integer.samples import random_program
from microbotnet.mcu.board import load_board
from microbotnet.mcu.firmware import make_firmware
from microbotnet.mcu.image import CAMERA

for module in ("unicorn", "elftools", "ziglang"):
    pytest.importorskip(module, reason=f"{module} of the extra mcu is not installed")

RGB565 = "rgb565:160x120"
# Instructions a camera pixel, and bytes of flash beside the network's, as they are today.
MOST = {"scum": (11, 1024), "microbit-v2": (6, 1024)}


@pytest.mark.parametrize("board", MOST)
def test_the_converter_costs_so_many_instructions_a_pixel(board: str) -> None:
    program = random_program(3, size=(32, 32), operators=2)
    bare = make_firmware(program, load_board(board))
    made = make_firmware(program, load_board(board), camera=RGB565)
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (2, 120, 320), np.uint8)
    ran = made.run(frames)
    assert ran.bit_exact
    np.testing.assert_array_equal(
        ran.expected.view("<i2"), run(program, convert(camera_of(RGB565, (3, 32, 32)), frames))
    )
    instructions, flash = MOST[board]
    assert max(cost.instructions[CAMERA] for cost in ran.execution.costs) <= instructions * 160 * 120
    assert len(made.image.raw) - len(bare.image.raw) <= flash
    assert made.rows(ran)[0].name == "camera"


@pytest.mark.parametrize(
    "text", ["grey8:70x64", "yuv422:66x70", "bayer8:66x64:crop=stretch", "rgb888:64x70:crop=letterbox"]
)
def test_every_format_on_the_core(text: str) -> None:
    program = random_program(6, size=(16, 16), operators=2)
    camera = camera_of(text, (3, 16, 16))
    pictures = np.random.default_rng(1).integers(0, 256, (2, 3, camera.height, camera.width), np.uint8)
    made = make_firmware(program, load_board("microbit"), camera=text)
    assert made.run(frames_of(camera, pictures)).bit_exact


def test_features_have_no_camera() -> None:
    program = next(p for p in map(random_program, range(200)) if p.tensors[p.input].dtype == "uint8")
    with pytest.raises(BadInput, match="a camera must be at least as fine"):
        make_firmware(program, load_board("microbit"), camera="grey8:1x1")
