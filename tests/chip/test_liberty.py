"""Liberty files, of the open library that is shipped and of small ones."""

from itertools import product
from pathlib import Path

import pytest

from microbotnet.chip.flow import shipped_library
from microbotnet.chip.liberty import load_library
from microbotnet.chip.netlist import expression
from microbotnet.errors import BadInput

SMALL = """
library (small) {
  time_unit : "1ns"; voltage_unit : "1V"; leakage_power_unit : "1nW";  capacitive_load_unit (1, pf); nom_voltage : 1.0;
  lu_table_template (t) { variable_1 : total_output_net_capacitance; variable_2 : input_net_transition;
    index_1 ("0.001, 0.003"); index_2 ("0.1, 0.2"); }
  /* a comment ; with { signs */
  cell (NOT) { area : 2; cell_leakage_power : 5;
    pin (A) { direction : input; capacitance : 0.002; }
    pin (Y) { direction : output; function : "A'";
      timing () { related_pin : "A";
        cell_rise (t) { values ("0.1, 0.1", "0.3, 0.3"); } cell_fall (t) { values ("0.05, 0.05", "0.15, 0.15"); } }
      internal_power () { related_pin : "A"; rise_power (t) { values ("0.004, 0.004", "0.008, 0.008"); }
        fall_power (t) { values ("0.002, 0.002", "0.002, 0.002"); } } } }
  cell (NAND) { area : 3; pin (A) { direction : input; } pin (B) { direction : input; }
    pin (Y) { direction : output; function : "!(A B)"; } }
  cell (FLOP) { area : 9; ff (IQ, IQN) { clocked_on : "C"; next_state : "D"; }
    pin (D) { direction : input; } pin (C) { direction : input; clock : true; }
    pin (Q) { direction : output; function : "IQ"; } }
}
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "small.lib"
    path.write_text(text)
    return path


def test_units_and_tables_become_one_figure_each(tmp_path: Path) -> None:
    library = load_library(written(tmp_path, SMALL))
    cell = library.cells["NOT"]
    assert cell.capacitance == {"A": pytest.approx(2e-15)}
    assert cell.leakage == pytest.approx(5e-9)
    assert cell.energy["Y"] == pytest.approx(3e-15)  # the mean of rise and fall at the smallest load, in pF·V²
    arc = cell.arcs["Y", "A"]
    assert (arc.intrinsic, arc.slope) == (pytest.approx(0, abs=1e-15), pytest.approx(0.2e-9 / 2e-15))
    assert library.flip_flop.name == "FLOP"
    assert library.nand_area == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('time_unit : "1ns";', ""), "time_unit"),
        (("capacitive_load_unit (1, pf);", ""), "capacitive_load_unit"),
        (("nom_voltage : 1.0;", ""), "nom_voltage"),
        (("next_state", "other_state"), "flip-flop"),
        (('function : "A\'"', 'comment : "A"'), "inverter"),
        (("library (small) {", "library (small) "), "no Liberty file"),
        (("area : 2", "area : two"), "cannot be read: .*'two'"),
        (('"0.1, 0.1", "0.3', '"0.1,\n x", "0.3'), r"cannot be read: .*\Z"),
        (("nom_voltage : 1.0", "nom_voltage : 1e999"), "1e999 is no finite number"),
        (("(1, pf)", "(1, xf)"), "capacitive_load_unit"),
        (('"0.1, 0.1", "0.3, 0.3"', '"0.1, 0.1", "0.3"'), "cannot be read"),
        (('"0.1, 0.1", "0.3, 0.3"', '""'), "cannot be read"),
    ],
)
def test_a_file_that_lacks_something_is_refused_with_what_it_lacks(
    tmp_path: Path, change: tuple[str, str], message: str
) -> None:
    path = written(tmp_path, SMALL.replace(*change))
    with pytest.raises(BadInput, match=message) as caught:
        load_library(path)
    assert str(path) in str(caught.value)


def test_the_shipped_library_has_what_synthesis_needs() -> None:
    library = shipped_library()
    assert library.volts == 1.8
    assert library.clock_gate is not None
    # SKY130's own figures: a flip-flop of 20.02 µm², a two-input gate of 3.75 µm².
    assert library.flip_flop.area == pytest.approx(20.02, abs=0.01)
    assert library.nand_area == pytest.approx(3.7536)


@pytest.mark.parametrize(
    ("function", "wanted"),
    [
        ("(A&!B) | (!A&B)", lambda a, b, c: a ^ b),
        ("!(A B)", lambda a, b, c: 1 - (a & b)),
        ("A' + B*C", lambda a, b, c: (1 - a) | (b & c)),
        ("(A B)' C", lambda a, b, c: (1 - (a & b)) & c),
        ("A ^ B & C", lambda a, b, c: a ^ (b & c)),
        ("1", lambda a, b, c: 1),
    ],
)
def test_functions_mean_what_liberty_says(function: str, wanted) -> None:  # type: ignore[no-untyped-def]
    made = expression(function, str.lower)
    for a, b, c in product((0, 1), repeat=3):
        assert eval(made, {"a": a, "b": b, "c": c}) == wanted(a, b, c)
