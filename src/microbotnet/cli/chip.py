"""`microbotnet chip`: a network as a circuit."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from ..atomic import write_atomically
from ..errors import BadInput
from .checkpoint import SUBJECT, Calibrate, InputShape, Labels, Mean, Std, Weights
from .output import Json, print_json, stdout, working

if TYPE_CHECKING:
    from ..chip.energy import Bill, Meter
    from ..chip.flow import Check
    from ..chip.netlist import Netlist
    from ..cost.energy import Energy

NODES = (45.0, 28.0, 22.0)


def chip(
    checkpoint: Annotated[str, typer.Argument(metavar="CHECKPOINT", help=SUBJECT)],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Where the Verilog goes.")],
    lanes: Annotated[
        int, typer.Option(help="How many ternary weights are applied in one cycle: 16, 64, 128 or 256.")
    ] = 128,
    banks: Annotated[int, typer.Option(help="Number of banks of the activation memory: 1, 2, 4 or 8.")] = 2,
    requantizers: Annotated[int, typer.Option(help="How many sums are rounded in one cycle: 1, 2 or 4.")] = 4,
    buffer: Annotated[int, typer.Option(help="Size of the weight buffer beside the lanes, in words.")] = 64,
    hardwired: Annotated[
        bool,
        typer.Option(
            "--hardwired", help="Make the weights part of the logic, instead of a ROM; they can then never be changed."
        ),
    ] = False,
    memory: Annotated[
        int | None,
        typer.Option(metavar="BYTES", help="Size of the activation memory; a network that needs more is refused."),
    ] = None,
    clock: Annotated[float, typer.Option(metavar="MHZ", help="Clock frequency.")] = 20.0,
    liberty: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.lib",
            help="Your standard-cell library, in place of the one that comes along.",
            show_default="an open 130 nm library",
        ),
    ] = None,
    library_node: Annotated[
        float | None,
        typer.Option(metavar="NM", help="Process of the --liberty library in nm, from which energy is scaled."),
    ] = None,
    node: Annotated[float, typer.Option(metavar="NM", help="Process in nm for which --json gives the energy.")] = 22.0,
    pictures: Annotated[
        str | None,
        typer.Option(metavar="SET|FOLDER", help="Pictures to simulate.", show_default="six that come along"),
    ] = None,
    count: Annotated[int, typer.Option(help="How many pictures to simulate.")] = 6,
    verilog_only: Annotated[
        bool, typer.Option("--verilog-only", help="Only write the Verilog: simulate, count and measure nothing.")
    ] = False,
    calibrate: Calibrate = None,
    weights: Weights = None,
    input_shape: InputShape = None,
    mean: Mean = None,
    std: Std = None,
    labels: Labels = None,
    json: Json = False,
) -> None:
    """Write a network as Verilog, check it bit for bit, count its gates and cycles, and work out its energy.

    The first run on a machine prepares the tools, which takes a few minutes.
    """
    from ..sources import Given, open_program

    if not 0.001 <= clock <= 10_000:
        raise BadInput(f"--clock: 0.001 to 10000 MHz, not {clock:g}")
    if count < 1:
        raise BadInput(f"--count: at least one picture, not {count}")
    if (liberty is None) != (library_node is None):
        raise BadInput("--liberty and --library-node go together: the energies are scaled from that process")
    for name, value in (("--library-node", library_node), ("--node", node)):
        if value is not None and not 7 <= value <= 130:
            raise BadInput(f"{name}: energy can be scaled between 7 and 130 nm, not {value:g} nm")
    from ..chip.geometry import Geometry

    geometry = Geometry(lanes, banks, requantizers, buffer, hardwired)
    given = Given.of(weights=weights, input_shape=input_shape, mean=mean, std=std, labels=labels)
    program = open_program(checkpoint, calibrate, given)
    from ..chip import flow
    from ..chip.emit import write_chip
    from ..chip.liberty import load_library
    from ..chip.simulate import Simulator
    from ..show.chip import pictures_of

    library = load_library(liberty) if liberty else flow.shipped_library()
    image = flow.design(program, geometry, memory)
    inputs = flow.pictures_for(program, pictures, count)
    written = write_chip(image, output, inputs[0], clock * 1e6)
    told: dict[str, Any] = {"memory_bytes": written.memory_bytes}
    if verilog_only:
        if json:
            print_json(told | {"files": [str(file) for file in written.files]})
        else:
            for file in written.files:
                stdout.print(str(file), markup=False, soft_wrap=True)
        return
    with working("simulating the engine, then its gates: minutes"):
        simulator = Simulator(image)
        checked = flow.check(simulator, inputs)
        netlist = flow.synthesized(image, library)
        metered, right = flow.meter(image, netlist, library_node or flow.SHIPPED_NM, inputs, checked.counts)
    bill = metered.bill(node, clock * 1e6)
    exact = not checked.differ and right
    model = _modelled(checkpoint, node)
    for name, picture in pictures_of(image, netlist, bill, model, simulator, inputs[0]).items():
        write_atomically(output / name, picture.encode())
    if json:
        print_json({
            "bit_exact": exact, "cycles_per_picture": checked.cycles, "gates": netlist.gates,
            "flip_flops": netlist.flip_flops, **told, "energy_pj": bill.to_json(),
            "frames_per_second": clock * 1e6 / checked.cycles,
        })  # fmt: skip
        return
    _print(checked, right, netlist, written.memory_bytes, clock, metered)
    _print_bills([metered.bill(nm, clock * 1e6) for nm in dict.fromkeys((*NODES, node))])
    if model is not None:
        from ..cost.energy import PARTS

        parts = ", ".join(f"{part} {model.part(part) / 1e6:.3f}" for part in PARTS)
        stdout.print(f"\nThe energy model's account at {node:g} nm, without clock, control, wires and leakage: "
                     f"{model.total / 1e6:.3f} µJ ({parts})", soft_wrap=True)  # fmt: skip
    stdout.print(f"\n{output}: README.md says how to simulate and use it; floor.svg, layers.svg and waves.svg show it.",
                 markup=False, soft_wrap=True)  # fmt: skip


def _print(checked: "Check", right: bool, netlist: "Netlist", memories: dict[str, int], clock: float,
           metered: "Meter") -> None:  # fmt: skip
    same = "equals the integer program bit for bit" if not checked.differ else f"differs in {', '.join(checked.differ)}"
    stdout.print(f"The engine {same}: {checked.tensors} tensors of {checked.pictures} pictures; its gates give "
                 f"{'the same' if right else 'other'} scores.", soft_wrap=True)  # fmt: skip
    delay, path = netlist.critical_path(metered.assumed.wire)
    kilo = ", ".join(f"{name} {size:,} B" for name, size in memories.items())
    stdout.print(f"{checked.cycles:,} cycles a picture: {1e6 / checked.cycles:.1f} pictures a second at 1 MHz, "
                 f"{clock * 1e6 / checked.cycles:.0f} at {clock:g} MHz", soft_wrap=True)  # fmt: skip
    stdout.print(
        f"{netlist.gates:,} gates, {netlist.flip_flops:,} flip-flops, {netlist.area / 1e6:.3f} mm² of "
        f"{netlist.library.name}; longest path {delay * 1e9:.1f} ns, {len(path)} cells",
        soft_wrap=True,
    )
    stdout.print(f"memories: {kilo}", soft_wrap=True)
    stdout.print(f"gates spend {metered.activity.hazards:.2f} times what they would without hazards, by a simulation "
                 "of some cycles with the cells' delays\n", soft_wrap=True)  # fmt: skip


def _print_bills(bills: "list[Bill]") -> None:
    table = Table(title="Energy of a picture, µJ; simulated, before layout", title_justify="left")
    table.add_column("")
    for bill in bills:
        table.add_column(f"{bill.node_nm:g} nm, {bill.volts:.2f} V", justify="right")
    parts = [(f"  {name}", [bill.parts[name] for bill in bills]) for name in bills[0].parts]
    reads = [
        (f"  {what}, {times:,} × {bills[0].accesses[at][2] * 1e12:.2f} pJ at {bills[0].node_nm:g} nm",
         [b.accesses[at][1] * b.accesses[at][2] for b in bills])
        for at, (what, times, _) in enumerate(bills[0].accesses)
    ]  # fmt: skip
    for item, inside in (("logic", parts), ("memory", reads), ("clock", []), ("leakage", [])):
        table.add_row(item, *(f"{bill.items[item] * 1e6:.3f}" for bill in bills), style="bold")
        for name, values in inside:
            table.add_row(name, *(f"{value * 1e6:.3f}" for value in values))
    table.add_row("total", *(f"{bill.total * 1e6:.3f}" for bill in bills), style="bold")
    stdout.print(table)


def _modelled(checkpoint: str, node: float) -> "Energy | None":
    """The energy model's account of a shipped network at `node` nm; None for others, whose graph needs torch."""
    from ..cost.energy import estimate_energy
    from ..cost.preset import load_preset, scale
    from ..weights import shipped_cards, shipped_graph

    if checkpoint not in shipped_cards():
        return None
    preset = load_preset("horowitz-45nm")
    return estimate_energy(shipped_graph(checkpoint)[0], preset if node == preset.node_nm else scale(preset, node))
