"""`microbotnet export`: a network as C99 or ONNX."""

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import BadInput
from .checkpoint import SUBJECT, Calibrate, InputShape, Labels, Mean, NetName, Std, Weights
from .output import Json, print_json, stdout
from .pictures import Camera


def export(
    checkpoints: Annotated[
        list[str], typer.Argument(metavar="CHECKPOINT", help=SUBJECT + " Several become one C library.")
    ],
    c: Annotated[Path | None, typer.Option("--c", metavar="DIR", help="Write C99 into this folder.")] = None,
    onnx: Annotated[
        Path | None, typer.Option("--onnx", metavar="FILE", help="Write an ONNX model, a file that ends in .onnx.")
    ] = None,
    opset: Annotated[
        int, typer.Option(metavar="13|25", help="Of the ONNX model; 25 keeps ternary kernels in 2 bits a weight.")
    ] = 13,
    plain: Annotated[
        bool, typer.Option("--plain", help="The ONNX model without integer operators, for converters that have none.")
    ] = False,
    prefer: Annotated[
        str, typer.Option(help="What the C is made for: speed (fewest instructions) or size (fewest bytes).")
    ] = "speed",
    name: Annotated[
        str,
        typer.Option(help="Prefix of the names of C files and functions; with several networks, of what they share."),
    ] = "net",
    calibrate: Calibrate = None,
    net: NetName = None,
    weights: Weights = None,
    input_shape: InputShape = None,
    mean: Mean = None,
    std: Std = None,
    labels: Labels = None,
    camera: Camera = None,
    package: Annotated[
        str | None,
        typer.Option(
            metavar="KIND", help="Lay the C out as a package with an example: cmake, arduino, platformio or zephyr."
        ),
    ] = None,
    arena: Annotated[
        str | None,
        typer.Option(
            metavar="FIRST+SECOND",
            help="Bytes of two memories for the arena, such as 65536+131072; the C takes a pointer into each.",
        ),
    ] = None,
    stack: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE.toml",
            help="Also compile the C for this board's core, and say how deep the stack can go below its NAME_run.",
        ),
    ] = None,
    vote: Annotated[
        str | None,
        typer.Option(
            metavar="RULE",
            help="Also write how the last frames decide together, in C: best-of-last-3, majority, mean; -of-last-N.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Write a network in integers: as C99 that needs stdint.h alone, or as ONNX that any runtime reads.

    The C is a header, a source, the weights and a small example; the ONNX model gives the same scores, bit for bit.
    """
    from ..sources import Given, open_program

    if c is None and onnx is None:
        raise BadInput("give --c DIR, the folder for the C, or --onnx FILE")
    if onnx is not None and onnx.suffix.lower() != ".onnx":
        raise BadInput(f"{onnx}: an ONNX model is a file that ends in .onnx")
    if vote is not None and c is None:
        raise BadInput("--vote is written in C; give --c DIR too")
    if package is not None and c is None:
        raise BadInput("--package is of the C; give --c DIR too")
    if stack is not None and c is None:
        raise BadInput("--stack is of the C; give --c DIR too")
    if arena is not None and c is None:
        raise BadInput("--arena is of the C; give --c DIR too")
    if camera is not None and c is None:
        raise BadInput("--input is written in C; give --c DIR too")
    if onnx is None and (opset != 13 or plain):
        raise BadInput("--opset and --plain are the ONNX model's; give --onnx FILE too")
    given = Given.of(net=net, weights=weights, input_shape=input_shape, mean=mean, std=std, labels=labels)
    if len(checkpoints) > 1 and onnx is not None:
        raise BadInput("an ONNX file holds one network; give one checkpoint, or --c DIR")
    programs = [open_program(checkpoint, calibrate, given) for checkpoint in checkpoints]
    files: list[Path] = []
    told: dict[str, Any] = {}
    if c is not None:
        from ..backends.c import c_names, write_c

        regions = None if arena is None else _regions(arena)
        bounds = {}
        if stack is not None:
            from ..mcu.board import load_board
            from ..mcu.stack import below_run
            from ..mcu.toolchain import find_toolchain

            board, _ = load_board(stack), find_toolchain()
        named = dict(zip(c_names(checkpoints, name), programs, strict=True))
        written = write_c(
            named, c, prefer=prefer, name=name, rule=vote, camera=camera, package=package,
            regions=regions,
        )  # fmt: skip
        if stack is not None:
            bounds = {each: below_run(program, board, prefer, regions) for each, program in named.items()}
        files += written.files
        told = {"prefer": prefer, "constant_bytes": written.constant_bytes, "arena_bytes": written.arena_bytes}
        told |= {"beyond_bytes": written.beyond_bytes} if arena is not None else {}
        told |= {"stack_bound_bytes": {each: bound for each, (bound, _) in bounds.items()}} if stack else {}
    if onnx is not None:
        from ..backends.onnx import write_onnx

        write_onnx(programs[0], onnx, opset, plain=plain)
        files.append(onnx)
    if json:
        which = {"checkpoint": checkpoints[0]} if len(checkpoints) == 1 else {"checkpoints": checkpoints}
        print_json({**which, "files": [str(file) for file in files], **told})
        return
    for file in files:
        stdout.print(str(file), markup=False, soft_wrap=True)
    if c is not None:
        parts = f"{written.arena_bytes:,}" + (f" + {written.beyond_bytes:,}" if arena is not None else "")
        stdout.print(f"constants {written.constant_bytes:,} bytes, arena {parts} bytes of RAM", soft_wrap=True)
        for each, (bound, compiler) in bounds.items():
            most = "not known" if bound is None else f"at most {bound:,} bytes"
            stdout.print(f"stack of {each}_run: {most}, compiled by {compiler} for {board.core}", soft_wrap=True)


def _regions(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{1,9})\+(\d{1,9})", text)
    if not found:
        raise BadInput(f"--arena takes the bytes of two memories, as 65536+131072, not {text!r}")
    return int(found[1]), int(found[2])
