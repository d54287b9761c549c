"""Constant arrays of a C source: each distinct content is printed once."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

C_TYPES = {"int8": "int8_t", "uint8": "uint8_t", "int16": "int16_t", "uint16": "uint16_t", "int32": "int32_t"}
WIDTHS = {kind: np.dtype(name).itemsize for name, kind in C_TYPES.items()}  # bytes


class Arrays:
    """Collects arrays and hands out their names."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.names: dict[tuple[str, bytes], str] = {}
        self.texts: list[str] = []

    def of(self, prefix: str) -> "Arrays":
        """The same collection for another network, whose own arrays have another prefix."""
        other = Arrays(prefix)
        other.names, other.texts = self.names, self.texts
        return other

    def add(self, values: NDArray[Any], what: str) -> str:
        """The name of a `static const` array with `values`.

        Args:
            values: of any shape, of a dtype in `C_TYPES`.
            what: becomes part of the name, if no array has these contents yet.
        """
        key = values.dtype.name, values.tobytes()
        if key not in self.names:
            self.names[key] = f"{self.prefix}_{what}"
            kind = C_TYPES[values.dtype.name]
            self.texts.append(f"static const {kind} {self.names[key]}[{values.size}] = {{\n{_rows(values)}}};\n")
        return self.names[key]


def _rows(values: NDArray[Any]) -> str:
    """The numbers, in lines of at most 120 characters."""
    words = np.char.mod("%d", values.reshape(-1))
    widest = max(map(len, words)) + 2
    each = max(1, 116 // widest)
    return "".join(f"    {', '.join(words[i : i + each])},\n" for i in range(0, len(words), each))
