"""A C++ program with two networks on the emulated core."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from microbotnet.backends.c import emit_together
from microbotnet.integer.interpreter import run
from microbotnet.integer.samples import random_pictures, random_program
from microbotnet.mcu.board import load_board
from microbotnet.mcu.emulator import _Machine
from microbotnet.mcu.image import build
from microbotnet.mcu.toolchain import Toolchain, find_toolchain

for module in ("unicorn", "elftools", "ziglang"):
    pytest.importorskip(module, reason=f"{module} of the extra mcu is not installed")

# Behind each picture of the first network, the second looks at one of its own.
APPLICATION = """
#include "net.h"
#include "second.h"

extern "C" {
void take_scores(const int16_t *scores);
int16_t second_scores[SECOND_CLASSES];
int classes[2];
}

namespace {
alignas(4) uint8_t arena[SECOND_ARENA_BYTES];

class Eye {
  public:
    void look(uint8_t first)
    {
        for (auto at = 0; at < SECOND_INPUT_BYTES; at++)
            picture[at] = static_cast<uint8_t>(first + 7 * at);
        second_run(picture, second_scores, arena);
    }

  private:
    uint8_t picture[SECOND_INPUT_BYTES];
} eye;
}

void take_scores(const int16_t *scores)
{
    classes[0] = net_class(scores);
    eye.look(40);
    classes[1] = second_class(second_scores);
}
"""


@pytest.mark.parametrize("prefer", ["speed", "size"])
def test_a_cpp_program_with_two_networks_on_the_core(prefer: str, tmp_path: Path) -> None:
    first, second = random_program(11, size=(9, 9), operators=6), random_program(4, size=(7, 7))
    sources = emit_together({"net": first, "second": second}, name="net", prefer=prefer)
    for name in ("net.h", "second.h"):
        (tmp_path / name).write_text(sources[name])
    (tmp_path / "app.cpp").write_text(APPLICATION)
    found = find_toolchain("zig")
    words = [sys.executable, "-m", "ziglang", "c++", *found._core("cortex-m0"), "-std=c++17", "-Os", "-ffreestanding"]
    words += ["-fno-exceptions", "-fno-rtti", "-ffunction-sections", "-Wall", "-Wextra", "-Werror", "-c", "app.cpp"]
    subprocess.run([*words, "-o", "app.o"], cwd=tmp_path, check=True)
    toolchain = Toolchain("zig", (*found.command, str(tmp_path / "app.o")))
    image = build(sources, load_board("microbit"), toolchain, prefer=prefer)
    machine, pictures = _Machine(image), random_pictures(first, 3)
    np.testing.assert_array_equal(machine.run(pictures).outputs.view("<i2"), run(first, pictures))
    shape = second.tensors[second.input].shape
    seen = (40 + 7 * np.arange(np.prod(shape))).astype(np.uint8).reshape(1, *shape)
    (wanted,) = run(second, seen)
    read = machine.core.mem_read
    scores = np.frombuffer(read(image.addresses["second_scores"], 2 * len(wanted)), "<i2")
    np.testing.assert_array_equal(scores, wanted)
    classes = np.frombuffer(read(image.addresses["classes"], 8), "<i4").tolist()
    assert classes == [int(run(first, pictures)[-1].argmax()), int(wanted.argmax())]
