"""Designs in TOML and JSON, and those that come with the package."""

import json
from collections.abc import Mapping
from dataclasses import MISSING, asdict, fields, is_dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from math import isfinite
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from ..errors import BadInput
from ..plain import parse_json, parse_toml, read_text
from .design import ACTIVATIONS, PRECISIONS, Design, Head, HeadPrecision, Stage, StagePrecision, Stem

SUFFIXES = (".toml", ".json")
_KERNELS = (1, 3, 5, 7, 9)
_BOUNDS: dict[str, tuple[float, float]] = {
    "resolution": (4, 1024), "expansion": (0.125, 32), "repeats": (1, 100), "stride": (1, 4), "groups": (1, 64),
    "hidden": (0, 8192), "dropout": (0, 0.95),
}  # fmt: skip


def design_names() -> list[str]:
    """The designs that come with the package."""
    return sorted(f.name.removesuffix(".toml") for f in files(__package__).joinpath("designs").iterdir())


def load_design(name: str) -> Design:
    """A design by its name, or a user's own by the path of its .toml or .json file.

    Raises:
        BadInput: no such design (the nearest is suggested) or file; it is no TOML or JSON; a field that is missing,
            unknown, of another type or out of range (named).
    """
    if name in design_names():
        return _shipped(name)
    if not name.endswith(SUFFIXES):
        close = get_close_matches(name.lower(), design_names(), n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(design_names())}"
        raise BadInput(f"no design is called {name!r}; {hint} (your own: the path of a .toml or .json file)")
    return parse_design(read_text(Path(name), "a design"), name)


@cache
def _shipped(name: str) -> Design:
    return parse_design((files(__package__) / "designs" / f"{name}.toml").read_text("utf-8"), name)


def parse_design(text: str, where: str) -> Design:
    """A design from the text of its file, JSON where `where` ends so; `where` names it in errors."""
    values = parse_json(text, where) if where.endswith(".json") else parse_toml(text, where)
    return design_from(values, where)


def design_from(values: Any, where: str = "design") -> Design:
    """A design from plain values, as `Design.to_json` makes them; `where` names it in errors."""
    design: Design = _record(Design, values, where, "")
    if not design.stages:
        raise BadInput(f"{where}: stages is empty; a design has at least one")
    if design.head.average_first and design.head.width:
        raise BadInput(
            f"{where}: head.average_first needs head.width = 0: a wider head has its activation before the average"
        )
    if any(stage.squeeze_excite and stage.shift_max for stage in design.stages):
        raise BadInput(f"{where}: shift_max has gates of its own; leave out squeeze_excite")
    for number, block in enumerate(design.blocks(), 1):
        for what, channels in (
            ("inputs", block.inputs),
            ("inner channels", block.expanded),
            ("outputs", block.outputs),
        ):
            if channels % block.groups:
                raise BadInput(
                    f"{where}: block {number} has {channels} {what}, which {block.groups} groups do not share"
                )
    return design


def to_toml(design: Design) -> str:
    """The text of a file that `load_design` reads as `design`."""
    parts: list[tuple[str, Stem | Stage | Head]] = [("[stem]", design.stem)]
    parts += [*(("[[stages]]", stage) for stage in design.stages), ("[head]", design.head)]
    lines = [f"summary = {_value(design.summary)}", f"resolution = {design.resolution}"]
    for title, part in parts:
        lines += ["", title, *(f"{key} = {_value(value)}" for key, value in asdict(part).items())]
    return "\n".join(lines) + "\n"


def _value(value: Any) -> str:
    if isinstance(value, dict):
        same = set(value.values())
        if len(same) == 1:
            return _value(same.pop())
        return "{ " + ", ".join(f"{key} = {_value(item)}" for key, item in value.items()) + " }"
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _record(kind: type, values: Any, where: str, path: str) -> Any:
    """A dataclass from a table, each field checked."""
    if kind in (StagePrecision, HeadPrecision) and isinstance(values, str):
        values = dict.fromkeys((f.name for f in fields(kind)), values)
    if not isinstance(values, Mapping):
        raise BadInput(f"{where}: {path.rstrip('.') or 'a design'} must be a table, not {values!r}")
    known = {f.name: f for f in fields(kind)}
    for key in values:
        if key not in known:
            close = get_close_matches(str(key), known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(known)}"
            raise BadInput(f"{where}: unknown field {path}{key}; {hint}")
    hints, made = get_type_hints(kind), {}
    for key, item in known.items():
        if key in values:
            made[key] = _field(hints[key], values[key], where, f"{path}{key}")
        elif item.default is MISSING and item.default_factory is MISSING:
            raise BadInput(f"{where}: {path}{key} is missing")
    return kind(**made)


def _field(kind: Any, value: Any, where: str, path: str) -> Any:
    if get_origin(kind) is tuple:
        if not isinstance(value, list | tuple):
            raise BadInput(f"{where}: {path} must be a list, not {value!r}")
        return tuple(_record(get_args(kind)[0], item, where, f"{path}[{i}].") for i, item in enumerate(value))
    if is_dataclass(kind):
        assert isinstance(kind, type)
        return _record(kind, value, where, f"{path}.")
    if not (type(value) is kind or (kind is float and type(value) is int)):
        raise BadInput(f"{where}: {path} must be {_KINDS[kind]}, not {value!r}")
    _check(path.rpartition(".")[2], path, value, where)
    return float(value) if kind is float else value


_KINDS = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}


def _check(key: str, path: str, value: Any, where: str) -> None:
    choices: tuple[Any, ...] | None = {"activation": ACTIVATIONS, "kernel": _KERNELS}.get(key)
    choices = PRECISIONS if "precision" in path else choices
    if choices is not None:
        if value not in choices:
            raise BadInput(f"{where}: {path} must be one of {', '.join(map(str, choices))}, not {value!r}")
        return
    bounds = (0 if path == "head.width" else 1, 8192) if key == "width" else _BOUNDS.get(key)
    if bounds and not (isfinite(value) and bounds[0] <= value <= bounds[1]):
        raise BadInput(f"{where}: {path} must be from {bounds[0]:g} to {bounds[1]:g}, not {value!r}")
