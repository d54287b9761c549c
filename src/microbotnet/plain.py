"""Plain data that users write, TOML and JSON, read so that whatever is wrong with it becomes one line."""

import json
import re
import tomllib
from math import isfinite
from pathlib import Path
from typing import Any

from .errors import BadInput

LARGEST_TOML = 1 << 18
"""Bytes of a user's file; the longest that comes with the package has 4 kB."""
LARGEST_JSON = 1 << 26
_WORD = r"""(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')"""
# tomllib takes memory with the square of a key's depth. Begun at words only, and never gone back, the search takes time
# with the length of the text.
_DEEP_KEY = re.compile(rf"(?<![\w-]){_WORD}(?:[ \t]*+\.[ \t]*+{_WORD}){{16}}")


def read_text(path: Path, what: str, largest: int = LARGEST_TOML) -> str:
    """The text of a user's file; `what` it is to be, for the error's sake.

    Raises:
        BadInput: it cannot be read, has more than `largest` bytes, or is not UTF-8.
    """
    try:
        with path.open("rb") as file:
            content = file.read(largest + 1)
        if len(content) > largest:
            raise BadInput(f"{path}: over {largest:,} bytes, too long for {what}")
        return content.decode("utf-8")
    except OSError as error:
        raise BadInput(f"{path}: cannot be read as {what}: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise BadInput(f"{path}: cannot be read as {what}: no UTF-8 at byte {error.start}") from None


def parse_toml(text: str, where: str) -> dict[str, Any]:
    """The values in a TOML text; BadInput if it is none, nests too deeply, or holds a number that is not finite."""
    if _DEEP_KEY.search(text):
        raise BadInput(f"{where}: not TOML that is read here: a key of over 16 parts")
    try:
        values = tomllib.loads(text, parse_float=_finite)
        _check_integers(values)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{where}: not TOML: {_words(error)}") from None
    return values


def parse_json(content: str | bytes, where: str) -> Any:
    """The value in a JSON text; BadInput if it is none, nests too deeply, or holds a number that is not finite."""
    try:
        return json.loads(content, parse_float=_finite, parse_int=_integer, parse_constant=_finite)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{where}: not JSON: {_words(error)}") from None


def _finite(digits: str) -> float:
    value = float(digits)
    if not isfinite(value):
        raise ValueError(f"{digits} is no finite number")
    return value


def _integer(digits: str) -> int:
    if len(digits) > 20 or not -(2**63) <= int(digits) < 2**64:
        raise ValueError(f"{digits[:20]} … has over 64 bits")
    return int(digits)


def _check_integers(value: Any) -> None:
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            _check_integers(item)
    elif isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ValueError("an integer of over 64 bits")


def _words(error: Exception) -> str:
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)
