"""What the compiler leaves behind."""

import sys
from pathlib import Path

from microbotnet.mcu.toolchain import Toolchain


def test_what_zig_compiles_goes_with_the_folder_of_the_sources() -> None:
    """A compiler that writes into the image where it would keep what it compiles."""
    said = "import os; open('image.elf', 'w').write(os.getcwd() + '\\n' + os.environ['ZIG_LOCAL_CACHE_DIR'])"
    written = Toolchain("zig", (sys.executable, "-c", said)).link({"net.c": ""}, "cortex-m0", "speed").decode()
    folder, kept = map(Path, written.splitlines())
    assert kept.is_relative_to(folder)
    assert not folder.exists()
