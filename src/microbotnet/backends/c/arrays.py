"""Constant arrays of a C source: each distinct content is printed once, a table that lies in a longer one never."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

C_TYPES = {"int8": "int8_t", "uint8": "uint8_t", "int16": "int16_t", "uint16": "uint16_t", "int32": "int32_t"}
TABLE = 256  # entries, at least
WIDTHS = {kind: np.dtype(name).itemsize for name, kind in C_TYPES.items()}  # bytes


class Arrays:
    """Collects arrays and hands out their names."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.names: dict[tuple[str, bytes], str] = {}
        self.tables: dict[str, bytes] = {}
        self.texts: list[str] = []

    def of(self, prefix: str) -> "Arrays":
        """The same collection for another network, whose own arrays have another prefix."""
        other = Arrays(prefix)
        other.names, other.tables, other.texts = self.names, self.tables, self.texts
        return other

    def add(self, values: NDArray[Any], what: str) -> str:
        """The name of a `static const` array with `values`, or a place in one, as C.

        Args:
            values: of any shape, of a dtype in `C_TYPES`.
            what: becomes part of the name, if no array has these contents yet.
        """
        key = values.dtype.name, values.tobytes()
        if key not in self.names and (longer := self._longer(values)):
            self.names[key] = longer
        elif key not in self.names:
            self.names[key] = f"{self.prefix}_{what}"
            if values.dtype == np.int8 and values.size >= TABLE:
                self.tables[self.names[key]] = key[1]
            kind = C_TYPES[values.dtype.name]
            self.texts.append(f"static const {kind} {self.names[key]}[{values.size}] = {{\n{_rows(values)}}};\n")
        return self.names[key]

    def _longer(self, values: NDArray[Any]) -> str:
        """Where a table lies in a longer one that is already there; nothing if in none."""
        if values.dtype != np.int8 or values.size < TABLE:
            return ""
        sought = values.tobytes()
        longer = ((name, held) for name, held in self.tables.items() if len(held) > len(sought))
        found = ((name, held.find(sought)) for name, held in longer)
        return next((f"{name} + {at}" for name, at in found if at >= 0), "")


def _rows(values: NDArray[Any]) -> str:
    """The numbers, in lines of at most 120 characters."""
    words = [*map(str, values.reshape(-1).tolist())]
    widest = max(map(len, words)) + 2
    each = max(1, 116 // widest)
    return "".join(f"    {', '.join(words[i : i + each])},\n" for i in range(0, len(words), each))
