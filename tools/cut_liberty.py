"""Cut a large Liberty file down to some cells and to the figures that `microbotnet chip` counts with.

    python tools/cut_liberty.py sky130_fd_sc_hd__tt_025C_1v80.lib src/microbotnet/chip/cells/sky130.lib

Each table becomes the figure that `chip.liberty` reads from it, so both files give the same account.
"""

import sys
from pathlib import Path

from microbotnet.atomic import write_atomically
from microbotnet.chip.liberty import Arc, Cell, Library, load_library

KEPT = """
inv_1 inv_2 inv_4 buf_1 buf_2 buf_4 nand2_1 nand3_1 nand4_1 nor2_1 nor3_1 and2_1 and3_1 or2_1 or3_1 nand2b_1 nor2b_1
and2b_1 or2b_1 a21oi_1 o21ai_1 a21o_1 o21a_1 a22oi_1 a22o_1 o22ai_1 a31oi_1 o31ai_1 a211oi_1 o211ai_1 a221oi_1
o221ai_1 xor2_1 xnor2_1 mux2_1 maj3_1 dfxtp_1 dlclkp_1
"""
LOADS = (0.5e-15, 150e-15)  # farads
HEAD = """/* {count} cells of {name}, one figure for each of its tables.

   Source: the SkyWater SKY130 process design kit, library sky130_fd_sc_hd, corner tt_025C_1v80 (130 nm, 1.8 V, 25 °C).
   Copyright 2020 The SkyWater PDK Authors. Licensed under the Apache License, Version 2.0, a copy of which is at
   https://www.apache.org/licenses/LICENSE-2.0. Changed: cells left out, tables replaced by one figure each, as
   tools/cut_liberty.py does. */
"""


def main(source: str, target: str) -> None:
    """Cut `source` down to `target`."""
    library = load_library(Path(source))
    cells = [cell for cell in library.cells.values() if cell.name.split("__")[-1] in KEPT.split()]
    lines = [HEAD.format(count=len(cells), name=library.name), f'library ("{library.name}_cut") {{']
    lines += ['  delay_model : "table_lookup";', '  time_unit : "1ns";', '  voltage_unit : "1V";',
              '  current_unit : "1mA";', '  leakage_power_unit : "1nW";', '  capacitive_load_unit (1, "ff");',
              f"  nom_voltage : {library.volts:g};",
              '  lu_table_template ("delay") {', '    variable_1 : "input_net_transition";',
              '    variable_2 : "total_output_net_capacitance";', '    index_1 ("0.01, 1.0");',
              f'    index_2 ("{LOADS[0] * 1e15:g}, {LOADS[1] * 1e15:g}");', "  }"]  # fmt: skip
    for cell in sorted(cells, key=lambda c: c.name):
        lines += _cell(cell, library)
    write_atomically(Path(target), ("\n".join([*lines, "}"]) + "\n").encode())


def _cell(cell: Cell, library: Library) -> list[str]:
    lines = [f'  cell ("{cell.name}") {{', f"    area : {cell.area:g};",
             f"    cell_leakage_power : {cell.leakage * 1e9:.6g};"]  # fmt: skip
    if cell.is_flip_flop:
        lines.append(f'    ff ("{cell.state}", "{cell.state}_N") {{ clocked_on : "{cell.clock}"; '
                     f'next_state : "{cell.data}"; }}')  # fmt: skip
    if cell.is_gate:
        lines.append('    clock_gating_integrated_cell : "latch_posedge";')
    for pin, farads in cell.capacitance.items():
        lines.append(f'    pin ("{pin}") {{ direction : "input"; capacitance : {farads * 1e15:.5g};')
        if pin == cell.clock:
            lines.append(f'      clock : "true";{_gating("clock", cell)}')
        if pin == cell.enable and cell.enable:
            lines.append(f"     {_gating('enable', cell)}")
        lines += [f"      {_power(cell.pin_energy[pin])}", "    }"]
    for pin, function in cell.functions.items():
        lines.append(f'    pin ("{pin}") {{ direction : "output";')
        lines.append(f'      function : "{function}";' if function else '      clock_gate_out_pin : "true";')
        lines.append(f"      {_power(cell.energy[pin])}")
        for (output, related), arc in cell.arcs.items():
            if output == pin:
                lines += _timing(related, arc, cell)
        lines.append("    }")
    return [*lines, "  }"]


def _gating(what: str, cell: Cell) -> str:
    return f' clock_gate_{what}_pin : "true";' if cell.is_gate else ""


def _power(joules: float) -> str:
    value = f'("scalar") {{ values ("{joules * 1e15:.5g}"); }}'
    return f"internal_power () {{ rise_power {value} fall_power {value} }}"


def _timing(related: str, arc: Arc, cell: Cell) -> list[str]:
    row = ", ".join(f"{(arc.intrinsic + arc.slope * load) * 1e9:.5g}" for load in LOADS)
    kind = 'timing_type : "rising_edge"; ' if related == cell.clock else ""
    tables = [f'        {name} ("delay") {{ values ("{row}", "{row}"); }}' for name in
              ("cell_rise", "cell_fall", "rise_transition", "fall_transition")]  # fmt: skip
    return [f'      timing () {{ related_pin : "{related}"; {kind}', *tables, "      }"]


if __name__ == "__main__":
    main(*sys.argv[1:3])
