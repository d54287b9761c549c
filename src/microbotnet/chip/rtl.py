"""The engine as text: RTLIL from Amaranth, and what Yosys makes of it."""

import re
from pathlib import Path

from .hardware.engine import Engine
from .images import Image
from .yosys import yosys

# Yosys writes a wire's bare name where an operator takes it without its sign; if the wire is declared signed, Verilog
# extends it with its sign all the same. Where the sign counts Yosys writes $signed, however the wire is declared.
_UNSIGNED = re.compile(r"^( *wire\b.*?) signed(?= )", re.MULTILINE)
READ = "read_rtlil engine.il; hierarchy -top engine; proc; opt_clean;"


def write_rtlil(image: Image, folder: Path, *, signed: bool = True) -> None:
    """engine.il in `folder`. signed: whether wires are declared so."""
    from amaranth.back import rtlil

    folder.mkdir(parents=True, exist_ok=True)
    text = rtlil.convert(Engine(image), name="engine", emit_src=False)
    (folder / "engine.il").write_text(text if signed else _UNSIGNED.sub(r"\1", text), "utf-8")


def make_verilog(image: Image, folder: Path, *, cxxrtl: bool = False) -> None:
    """engine.v in `folder`, Verilog-2005, and with `cxxrtl` the same as C++, engine.cc."""
    write_rtlil(image, folder, signed=False)
    also = "flatten; opt -full; write_cxxrtl -O6 -g0 engine.cc;" if cxxrtl else ""
    yosys(f"{READ} write_verilog -noattr engine.v; {also}", folder)
