"""Where a program's tensors lie in the activation memory: the arena's plan, counted in words.

A word holds the same pixel of as many channels as the engine has lanes a column. A tensor is stored row by row, pixel
by pixel, the words of a pixel after each other; the last one's spare bytes mean nothing.
"""

from dataclasses import dataclass
from typing import ClassVar

from ..integer.arena import ALIGNMENT, plan
from ..integer.operators import Add, Extreme, Gate, Lookup, Operator
from ..integer.operators.operator import Over
from ..integer.program import Program, Tensor


@dataclass(frozen=True)
class Place:
    """A tensor in memory. address: of its first word. pixel_words: words a pixel."""

    tensor: Tensor
    address: int
    pixel_words: int

    @property
    def words(self) -> int:
        """Words that it takes."""
        _, rows, columns = self.tensor.shape
        return rows * columns * self.pixel_words


@dataclass(frozen=True)
class Storage:
    """The places of all tensors that are kept, and how many words there must be."""

    places: dict[str, Place]
    words: int


@dataclass(frozen=True)
class _Run:
    """An operator as far as the plan of memory is concerned."""

    name: str
    inputs: tuple[str, ...]
    output: str
    in_place: bool
    copies: ClassVar[bool] = False  # see `Operator`

    def over(self, inputs: tuple[Tensor, ...], first: bool) -> tuple[Over, ...]:
        """See `Operator.over`."""
        return ((inputs[0].name, 0),) if self.in_place else ()


def place(program: Program, side: int) -> Storage:
    """A place for every tensor but what leaves as 16 bits. side: channels in a word."""
    kept = {name: t for name, t in program.tensors.items() if t.dtype != "int16"}
    sizes = {name: -(-t.shape[0] // side) for name, t in kept.items()}
    # The planner counts bytes in steps of its alignment: a word here is that many bytes to it.
    tensors = {name: _bytes(name, sizes[name], t.shape[1], t.shape[2]) for name, t in kept.items()}
    tensors |= {name: _bytes(name, 1, 1, 1) for name in ("", *program.tensors.keys() - kept.keys())}
    runs = [_Run(o.name, o.inputs, o.output, _over_first(program, o)) for o in program.operators]
    # Outputs stay until the end: the last run reads them and hands on nothing.
    runs.append(_Run("", tuple(name for name in program.outputs if name in kept), "", False))
    outputs = ("", *program.tensors.keys() - kept.keys())
    # The planner asks of operators no more than what a run has.
    found = plan(Program(tensors, tuple(runs), program.input, outputs))  # type: ignore[arg-type]
    places = {name: Place(t, found.offsets[name] // ALIGNMENT, sizes[name]) for name, t in kept.items()}
    return Storage(places, max(p.address + p.words for p in places.values()))


def _bytes(name: str, words: int, rows: int, columns: int) -> Tensor:
    return Tensor(name, (words * ALIGNMENT, rows, columns), "int8", 1.0, 0, 0, 0)


def _over_first(program: Program, operator: Operator) -> bool:
    """Whether each word of the output needs no word of the first input but the one at its place."""
    inputs, output = program.of(operator)
    same = inputs[0].shape == output.shape
    return (
        same and isinstance(operator, Lookup | Add | Gate | Extreme) and operator.inputs.count(operator.inputs[0]) == 1
    )
