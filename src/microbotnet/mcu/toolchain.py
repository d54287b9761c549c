"""C compilers that make a bare-metal image: zig from pip for every core, or GNU for Arm where it is installed."""

import importlib.util
import shutil
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..child import COMPILE_SECONDS, run_child, zig_caches
from ..errors import BadInput, Failed
from .cores import CORES

OPTIMIZE = {"speed": "-O2", "size": "-Os"}
INSTALL = "pip install 'microbotnet[mcu]'"

_FLAGS = (
    "-std=gnu99", "-ffreestanding", "-nostdlib", "-ffunction-sections", "-fdata-sections", "-fno-common",
    "-fno-unwind-tables", "-fno-asynchronous-unwind-tables", "-fno-strict-aliasing", "-g", "-gdwarf-4",
    "-fomit-frame-pointer", "-Wl,-T,board.ld", "-Wl,--gc-sections", "-Wl,--build-id=none",
)  # fmt: skip


@dataclass(frozen=True)
class Toolchain:
    """A compiler that can be called. name: "zig" or "gcc". command: its first words."""

    name: str
    command: tuple[str, ...]

    def link(self, files: Mapping[str, str], core: str, prefer: str) -> bytes:
        """The ELF image of C sources.

        Args:
            files: sources, headers and the linker script board.ld, by file name.
            core: one of `cores.CORES`.
            prefer: a key of `OPTIMIZE`.

        Raises:
            BadInput: it does not compile for this core. Failed: it complained; the message has its words.
        """
        sources = sorted(name for name in files if name.endswith(".c"))
        with tempfile.TemporaryDirectory(prefix="microbotnet-") as folder:
            for name, text in files.items():
                (Path(folder) / name).write_text(text, "utf-8")
            command = [*self.command, *self._core(core), OPTIMIZE[prefer], *_FLAGS, f"-ffile-prefix-map={folder}=."]
            words = [*command, *sources, *self._libraries(), "-o", "image.elf"]
            done = run_child(words, seconds=COMPILE_SECONDS, cwd=folder, env=zig_caches(folder))
            if done.returncode:
                lines = [line for line in done.stderr.splitlines() if "error" in line] or done.stderr.splitlines()
                raise Failed(f"{self.name} could not compile the image: {' | '.join(lines[:3])}")
            return (Path(folder) / "image.elf").read_bytes()

    def _core(self, core: str) -> tuple[str, ...]:
        found = CORES[core]
        if self.name == "zig":
            target = "riscv32-freestanding-none" if found.riscv else "thumb-freestanding-eabi"
            return "-target", target, f"-mcpu={found.compiled}", "-fno-sanitize=all"
        if found.riscv:
            raise BadInput(f"arm-none-eabi-gcc does not compile for {core}; leave out --toolchain, or choose zig")
        return f"-mcpu={core}", "-mthumb", "-mfloat-abi=soft", "-Wl,--no-check-sections"

    def _libraries(self) -> tuple[str, ...]:
        return ("-lcompiler_rt",) if self.name == "zig" else ("-lgcc",)


def find_toolchain(name: str | None = None) -> Toolchain:
    """The toolchain "zig" or "gcc"; None takes the first that is there.

    Raises:
        BadInput: no such name. Failed: it is not installed; the message says how to install it.
    """
    if name not in (None, "zig", "gcc"):
        raise BadInput(f"no toolchain is called {name!r}; there are: zig, gcc")
    if name != "gcc" and importlib.util.find_spec("ziglang") is not None:
        return Toolchain("zig", (sys.executable, "-m", "ziglang", "cc"))
    gnu = shutil.which("arm-none-eabi-gcc")
    if name != "zig" and gnu is not None:
        return Toolchain("gcc", (gnu,))
    what = {"zig": "ziglang is", "gcc": "arm-none-eabi-gcc is", None: "ziglang and arm-none-eabi-gcc are"}[name]
    how = "install the package gcc-arm-none-eabi of your system" if name == "gcc" else INSTALL
    raise Failed(f"no compiler for the board: {what} not installed; {how}")
