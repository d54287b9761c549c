"""Programs on disk: arrays as safetensors, everything else as JSON in its metadata, a checksum over both."""

import hashlib
import json
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Any, ClassVar, Union, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from ..atomic import write_atomically
from ..errors import BadInput
from ..plain import parse_json
from .operators import OPERATORS, Operator
from .program import Program, Requantize, Tensor
from .ranges import check
from .rescale import Rescale
from .validation import check_consistent

FORMAT = "microbotnet program 2"
_FIRST = "microbotnet program 1"  # had one output, and a field "output" for it
SUFFIX = ".program"

_KINDS: dict[str, Any] = {kind.__name__: kind for kind in (*OPERATORS, Program, Requantize, Rescale, Tensor)}
Arrays = dict[str, NDArray[Any]]


def save_program(path: Path | str, program: Program) -> None:
    """Write a program to a file, which every command reads; whole or not at all.

    The file is safetensors (arrays, and JSON in their metadata) with a checksum over both; nothing in it is code. The
    same program gives the same bytes.

    Args:
        path: where; commands know it by the suffix .program. program: what.

    Raises:
        Failed: the disk is full, or the folder cannot be written.
    """
    arrays: Arrays = {}
    text = json.dumps(_plain(program, "", arrays), ensure_ascii=False)
    metadata = {"format": FORMAT, "program": text, "sha256": _checksum(text, arrays)}
    write_atomically(Path(path), _in_order(save(arrays, metadata)))


def _in_order(content: bytes) -> bytes:
    """With the metadata by their names: the library has another order each time, and one program is one file."""
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + content[8 + length :]


def load_program(path: Path | str) -> Program:
    """Read what `save_program` wrote.

    Args:
        path: of the file.

    Returns:
        The program, proven to need no more than 32 bits.

    Raises:
        BadInput: there is no such file; it is truncated, altered or of another kind; or what it holds contradicts
            itself or could leave 32 bits.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}") from None
    try:
        arrays: Arrays = load(content)
        header = parse_json(content[8 : 8 + int.from_bytes(content[:8], "little")], "its header")
    except (SafetensorError, BadInput, ValueError) as error:
        raise BadInput(f"{path}: damaged, or no program ({len(content)} bytes): {error}") from None
    metadata = header.get("__metadata__", {})
    if metadata.get("format") not in (FORMAT, _FIRST):
        raise BadInput(f"{path}: holds {metadata.get('format', 'no program')}; {FORMAT!r} is read here")
    text = metadata.get("program", "")
    if metadata.get("sha256") != _checksum(text, arrays):
        raise BadInput(f"{path}: altered: its checksum is not that of its contents; copy or make it again")
    try:
        written = parse_json(text, "its text")
        if metadata["format"] == _FIRST:
            written["outputs"] = [written.pop("output")]
        program = _made(written, arrays)
    except (BadInput, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise BadInput(f"{path}: is not written as a program is: {error}") from None
    if not isinstance(program, Program):
        raise BadInput(f"{path}: holds a {type(program).__name__}, no program")
    try:
        check_consistent(program)
        check(program)
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from None
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise BadInput(f"{path}: is not written as a program is: {error}") from None
    return program


def fingerprint(program: Program) -> str:
    """64 hexadecimal digits; equal programs have equal ones."""
    arrays: Arrays = {}
    return _checksum(json.dumps(_plain(program, "", arrays), ensure_ascii=False), arrays)


def _plain(value: Any, place: str, arrays: Arrays) -> Any:
    """What JSON can hold; arrays are put aside under names that say where they belong."""
    if is_dataclass(value):
        name = getattr(value, "name", "")
        inner = f"{place}/{name}" if name else place
        parts = {f.name: _plain(getattr(value, f.name), f"{inner}/{f.name}", arrays) for f in fields(value)}
        return {"kind": type(value).__name__, **parts}
    if isinstance(value, np.ndarray):
        arrays[place.lstrip("/")] = np.ascontiguousarray(value)
        return {"array": place.lstrip("/")}
    if isinstance(value, dict):
        return {key: _plain(item, f"{place}/{key}", arrays) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item, f"{place}/{i}", arrays) for i, item in enumerate(value)]
    return value


def _made(value: Any, arrays: Arrays) -> Any:
    """The inverse of `_plain`; every list becomes a tuple."""
    if isinstance(value, list):
        return tuple(_made(item, arrays) for item in value)
    if not isinstance(value, dict):
        return value
    if "array" in value:
        return arrays[value["array"]]
    if "kind" not in value:
        return {key: _made(item, arrays) for key, item in value.items()}
    kind = _KINDS[value["kind"]]
    named = {key: _made(item, arrays) for key, item in value.items() if key != "kind"}
    for name, hint in get_type_hints(kind, localns={"Operator": Operator}).items():
        if get_origin(hint) is not ClassVar and name in named and not _fits(named[name], hint):
            raise TypeError(f"{name} of {kind.__name__} is a {type(named[name]).__name__} of another kind")
    return kind(**named)


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value is what a field is declared to hold."""
    kind, parts = get_origin(hint), get_args(hint)
    if kind is tuple and parts[-1] is ...:
        return isinstance(value, tuple) and all(_fits(item, parts[0]) for item in value)
    if kind is tuple:
        return isinstance(value, tuple) and len(value) == len(parts) and all(map(_fits, value, parts))
    if kind is dict:
        return isinstance(value, dict) and all(_fits(item, parts[1]) for item in value.values())
    if kind is np.ndarray:
        return isinstance(value, np.ndarray) and value.dtype == get_args(parts[1])[0]
    if kind in (Union, UnionType):
        return any(_fits(value, part) for part in parts)
    if hint in (int, float):
        return isinstance(value, (int, hint)) and not isinstance(value, bool)
    return isinstance(value, hint)


def _checksum(text: str, arrays: Arrays) -> str:
    digest = hashlib.sha256(text.encode())
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"\n{name} {array.dtype} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
