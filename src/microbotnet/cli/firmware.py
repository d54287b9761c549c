"""`microbotnet firmware`: a checkpoint on a microcontroller, and what it costs there."""

import sys
from dataclasses import asdict
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from ..atomic import write_atomically
from ..errors import BadInput, Failed
from .checkpoint import SUBJECT, Calibrate, InputShape, Labels, Mean, NetName, Std, Weights
from .output import Json, print_json, stdout, working
from .pictures import Camera

if TYPE_CHECKING:
    from ..integer.program import Program
    from ..mcu.firmware import Firmware, Run


def firmware(
    checkpoint: Annotated[str, typer.Argument(metavar="CHECKPOINT", help=SUBJECT)],
    more: Annotated[list[str] | None, typer.Argument(metavar="PICTURE", help="More pictures for --run.")] = None,
    board: Annotated[
        str, typer.Option(metavar="NAME|FILE.toml", help="scum, microbit, nucleo-l4p5zg, rp2040, …, or your file.")
    ] = "scum",
    prefer: Annotated[
        str,
        typer.Option(help="What the C is made for: speed (fewest instructions that still fit) or size (fewest bytes)."),
    ] = "speed",
    within: Annotated[
        int | None, typer.Option(metavar="BYTES", min=1, help="Use no more of the board's code memory.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the image: a .elf, .bin, .hex or .uf2 file.")
    ] = None,
    run: Annotated[
        str | None,
        typer.Option(metavar="PICTURES…", help="Execute it on an emulated core for pictures or folders of them."),
    ] = None,
    plan: Annotated[
        Path | None, typer.Option(help="Draw the memory plan, where every tensor lies and when: an .svg file.")
    ] = None,
    qemu: Annotated[bool, typer.Option("--qemu", help="Execute it in QEMU too, as a second opinion.")] = False,
    toolchain: Annotated[
        str | None, typer.Option(help="zig (from pip) or gcc (arm-none-eabi-gcc).", show_default="what is installed")
    ] = None,
    calibrate: Calibrate = None,
    net: NetName = None,
    weights: Weights = None,
    input_shape: InputShape = None,
    mean: Mean = None,
    std: Std = None,
    labels: Labels = None,
    camera: Camera = None,
    serial: Annotated[
        str | None,
        typer.Option(
            metavar="PORT",
            help="Instead: a board on this serial port runs the example of `export --package`; ask it about --run's "
            "pictures, and hold its scores against the interpreter's.",
        ),
    ] = None,
    vote: Annotated[
        str | None,
        typer.Option(
            metavar="RULE",
            help="The last pictures decide together, on the chip: best-of-last-3, majority, mean; -of-last-N.",
        ),
    ] = None,
    totals: Annotated[bool, typer.Option("--totals", help="Leave out the layers.")] = False,
    explained: Annotated[
        bool, typer.Option("--explain", help="Say for each layer how it is computed, and why not otherwise.")
    ] = False,
    json: Json = False,
) -> None:
    """Build firmware for a board, or say by how many bytes it does not fit; run it and count every instruction."""
    from ..mcu.board import load_board
    from ..mcu.firmware import make_firmware
    from ..mcu.formats import check_suffix, write_image
    from ..mcu.toolchain import OPTIMIZE, find_toolchain
    from ..show.arena import draw_arena
    from ..sources import Given, open_program

    files = [run, *(more or [])] if run is not None else []
    if more and run is None:
        raise BadInput(f"{more[0]}: pictures are given after --run")
    if qemu and run is None:
        raise BadInput("--qemu needs pictures: --run PICTURES…")
    if qemu and camera is not None:
        raise BadInput("in QEMU pictures come without a camera; leave out one of --qemu and --input")
    if prefer not in OPTIMIZE:
        raise BadInput(f"--prefer must be one of {', '.join(OPTIMIZE)}, not {prefer!r}")
    if output is not None:
        check_suffix(output)
    if plan is not None and plan.suffix.lower() != ".svg":
        raise BadInput(f"{plan}: the plan is drawn as SVG; give a name that ends in .svg")
    if serial is not None:
        if run is None:
            raise BadInput("--serial needs pictures: --run PICTURES…")
        given = Given.of(net=net, weights=weights, input_shape=input_shape, mean=mean, std=std, labels=labels)
        _ask(open_program(checkpoint, calibrate, given), serial, files, camera, json)
        return
    target, compiler = load_board(board), find_toolchain(toolchain)
    given = Given.of(net=net, weights=weights, input_shape=input_shape, mean=mean, std=std, labels=labels)
    program = open_program(checkpoint, calibrate, given)
    with working(f"compiling for {target.name} by {compiler.name}; a large network takes half a minute"):
        made = make_firmware(
            program, target, prefer=prefer, toolchain=compiler, rule=vote, camera=camera, within=within
        )
    if output is not None:
        write_image(made.image, output)
    if plan is not None:
        write_atomically(plan, draw_arena(made.program, made.plan, f"{checkpoint}: the arena").encode())
    what: dict[str, Any] = {
        "checkpoint": checkpoint,
        "image": str(output) if output else None,
        "plan": str(plan) if plan else None,
    }
    if json and totals:
        raise BadInput("choose one of --totals and --json")
    if explained and json:
        what["choices"] = [asdict(choice) for choice in made.explain()]
    elif explained:
        _print_choices(made)
    if run is None:
        if json:
            print_json(what | made.to_json())
        else:
            _print(made, None, totals)
            _print_files(output, plan)
        return
    names, pictures, errors = made.read(files)
    for error in errors:
        print(f"microbotnet: {error}", file=sys.stderr)
    if not names:
        raise BadInput("no picture could be read")
    with working(f"running on an emulated {target.core}: {len(names):,} inputs, at most a second each"):
        ran = made.run(pictures)
        second = made.second_opinion(pictures) if qemu else None
    if json:
        opinion = {} if second is None else {"qemu_bit_exact": bool((second == ran.expected).all())}
        print_json(what | ran.to_json(names) | opinion | {"errors": errors})
    else:
        _print(made, ran, totals)
        _print_predictions(ran, names)
        if second is not None:
            same = bool((second == ran.expected).all())
            stdout.print(f"QEMU ({made.board.qemu[1]}): {'the same scores' if same else '[red]other scores[/]'}")
        _print_files(output, plan)
    if not ran.bit_exact or (second is not None and (second != ran.expected).any()):
        raise Failed("the scores are not the interpreter's; this is a fault of microbotnet: please report it")
    if errors:
        raise typer.Exit(2)


def _ask(program: "Program", port: str, files: list[str], camera: str | None, json: bool) -> None:
    from ..backends.c.library import in_front_of
    from ..camera import convert
    from ..integer import interpreter
    from ..mcu.firmware import read_inputs
    from ..mcu.serial_line import ask, differs

    eye = in_front_of(program, camera) if camera else None
    names, inputs, errors = read_inputs(program, files, eye)
    for error in errors:
        print(f"microbotnet: {error}", file=sys.stderr)
    if not names:
        raise BadInput("no picture could be read")
    expected = interpreter.run(program, inputs if eye is None else convert(eye, inputs))
    answers = ask(port, program, inputs)
    wrong = differs(answers, expected)
    if json:
        said = [{"file": name, **asdict(answer)} for name, answer in zip(names, answers, strict=True)]
        print_json({"port": port, "bit_exact": not wrong, "answers": said, "errors": errors})
    else:
        for name, answer in zip(names, answers, strict=True):
            stdout.print(f"{name}  [bold]{escape(answer.label)}[/]  {answer.cycles:,} cycles", soft_wrap=True)
        many = "every picture" if len(names) > 1 else "the picture"
        stdout.print(f"{port}: the board's scores of {many} {'are not' if wrong else 'equal'} the interpreter's")
    if wrong:
        raise Failed(f"{port}: {wrong} of {len(names)} answers are not the interpreter's scores")
    if errors:
        raise typer.Exit(2)


def _print(made: "Firmware", ran: "Run | None", totals: bool) -> None:
    board, image = made.board, made.image
    clock = f"{board.clock_hz / 1e6:g} MHz"
    stdout.print(f"[bold]{escape(board.name)}[/]: {escape(board.summary)}; {board.core} at {clock}", soft_wrap=True)
    mixed = ""
    if made.more:
        mixed = f", with {made.more:,} bytes more where they save the most time (the fastest code does not fit)"
    stdout.print(f"compiled by {made.toolchain.name} for {made.prefer}{mixed}", soft_wrap=True)
    if not totals:
        console = stdout if stdout.is_terminal else Console(width=120, highlight=False)
        stdout.print()
        console.print(_table(made, ran))
    used = image.code_bytes + image.constant_bytes
    stdout.print(
        f"\ncode {image.code_bytes:,} + constants {image.constant_bytes:,} = [bold]{used:,}[/] of "
        f"{board.code.bytes:,} bytes of {board.code.kind}",
        soft_wrap=True,
    )
    arena, rest = made.arena_bytes, image.ram_bytes - made.arena_bytes
    bound = made.stack_bound
    if ran is None:
        deep, stack = bound or 0, "" if bound is None else f" + stack, at most {bound:,},"
    else:
        deep = ran.execution.stack_bytes
        stack = f" + stack {deep:,}" if bound is None else f" + stack {deep:,} (at most {bound:,})"
    total = image.ram_bytes + deep
    stdout.print(
        f"arena, picture included, {arena:,} + scores {'and votes ' if made.rule else ''}{rest:,}{stack} = "
        f"[bold]{total:,}[/] of "
        f"{board.data.bytes:,} bytes of RAM",
        soft_wrap=True,
    )
    if board.beyond is not None and image.beyond_bytes:
        stdout.print(
            f"the rest of the arena {image.beyond_bytes:,} of {board.beyond.bytes:,} bytes beyond", soft_wrap=True
        )
    if ran is not None:
        least, most = min(ran.instructions), max(ran.instructions)
        span = f"{most:,}" if least == most else f"{least:,} to {most:,}"
        stdout.print(f"[bold]{span}[/] instructions a picture, counted", soft_wrap=True)
        model = f"cycles and time: no model of a {board.core}, see docs/firmware.md"
        if ran.mean_cycles is not None and ran.seconds is not None:
            model = f"{ran.mean_cycles:,.0f} cycles, {ran.seconds:.3g} s at {clock}: a model, see docs/firmware.md"
        stdout.print(model, soft_wrap=True)
        if (energy := ran.memory_energy_pj) is not None:
            stdout.print(f"at least {energy / 1e6:.3g} µJ in the memories alone, modelled at 45 nm", soft_wrap=True)


def _print_files(output: Path | None, plan: Path | None) -> None:
    for what, path in (("image", output), ("memory plan", plan)):
        if path is not None:
            stdout.print(f"\n{what}: {path}", markup=False, soft_wrap=True)


def _table(made: "Firmware", ran: "Run | None") -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("layer", overflow="fold")
    table.add_column("operator")
    table.add_column("form")
    for name in (*(("instructions", "share", "per MAC") if ran else ()), "code", "constants", "arena in use"):
        table.add_column(name, justify="right")
    total = sum(row.instructions for row in made.rows(ran))
    for row in made.rows(ran):
        each = "" if row.instructions_per_mac is None else f"{row.instructions_per_mac:.2f}"
        counts = [f"{row.instructions:,}", f"{row.instructions / total:.1%}", each] if ran else []
        sizes = [f"{size:,}" if size else "" for size in (row.code_bytes, row.constant_bytes, row.alive_bytes)]
        table.add_row(escape(row.name), row.kind, row.form, *counts, *sizes)
    return table


def _print_choices(made: "Firmware") -> None:
    for choice in made.explain():
        stdout.print(f"[bold]{escape(choice.name)}[/]: {choice.taken}", soft_wrap=True)
        for kind, why in choice.others:
            stdout.print(f"    not {kind}: {why}", soft_wrap=True)
    stdout.print()


def _print_predictions(ran: "Run", names: list[str]) -> None:
    from ..preprocessing import printable

    stdout.print()
    longest = max(len(printable(name)) for name in names)
    for name, prediction in zip(names, ran.predictions, strict=False):
        line = Text(f"{printable(name):<{longest}}  ").append(prediction.label, "" if prediction.decided else "bold")
        if prediction.decided:
            line.append("  decided: ").append(prediction.decided, "bold")
        stdout.print(line, soft_wrap=True)
    made, given = ("scores of", "picture") if ran.predictions else ("outputs for", "input")
    count: Any = f"{len(names)} {given}s" if len(names) > 1 else f"the {given}"
    words = "equal the interpreter's, bit for bit" if ran.bit_exact else "[red]are not the interpreter's[/]"
    values = sum(prod(ran.firmware.program.tensors[name].shape) for name in ran.firmware.program.outputs)
    what = f"all {values} {made} {count}" + (", and what was decided," if ran.firmware.rule else "")
    stdout.print(f"{what} {words}", soft_wrap=True)
