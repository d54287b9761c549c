"""What an importer of int8 files hands back: the program, and how near each of its layers is to the file's own."""

from dataclasses import asdict, dataclass
from typing import Any

from ..integer.program import Program


@dataclass(frozen=True)
class Layer:
    """An operator of the file.

    name: the file's, or that of the tensor it makes.
    exact: on every input that it can meet, its output is that of the engine whose integers are met, bit for bit.
    worst_units: by how many units of its output it can be off; 0 if exact.
    """

    name: str
    exact: bool
    worst_units: int


@dataclass(frozen=True)
class Imported:
    """A program made from a file.

    layers: in the file's order.
    """

    program: Program
    layers: tuple[Layer, ...]

    @property
    def exact(self) -> bool:
        """Whether every layer is."""
        return all(layer.exact for layer in self.layers)

    def to_json(self) -> dict[str, Any]:
        """Plain data: "exact" and "layers", each with its name, "exact" and "worst_units"."""
        return {"exact": self.exact, "layers": [asdict(layer) for layer in self.layers]}
