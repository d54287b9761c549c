"""One arena: where in a single block of memory every tensor of a program lies while it is needed.

Tensors hold 1 byte an element (int16: 2) and begin at multiples of 4. An operator that works element by element writes
over an input that dies with it (`Operator.over`), parts of a concatenation that die with it were written into place
from the start, and a slice lies in its input, which may live on; every other operator has its output, its inputs and
its scratch apart.

The picture has a place too, for callers who want it inside: it may be copied there, or stay where the caller has it.
The outputs are the caller's and have none.

The arena may be in two regions, such as a core's fast memory and the rest: offsets then run on from the first region to
the second, and nothing lies across.

The order of the operators is the program's. `cost.memory` finds the order with the least live bytes before a network
is lowered; here is where the bytes then lie, with scratch and alignment.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput
from .operators.operator import Over
from .program import ELEMENT_BYTES, Program, Tensor

ALIGNMENT = 4
NODES = 1000  # of the search for a better packing: under a second


@dataclass(frozen=True)
class Area:
    """Bytes offset…offset + size of the arena, in use while operators first…last run, both included.

    name: of the tensor, or of the operator whose scratch it is. size: in bytes, not rounded.
    """

    name: str
    scratch: bool
    offset: int
    size: int
    first: int
    last: int


@dataclass(frozen=True)
class Plan:
    """Where everything lies.

    alive: bytes in use while each operator runs, if what can be written over is. split: the offset at which the second
    region begins, or None if there is one.
    """

    areas: tuple[Area, ...]
    alive: tuple[int, ...]
    split: int | None = None

    @cached_property
    def size(self) -> int:
        """Bytes of the arena, a multiple of 4; of two regions, up to the last that is used."""
        return max((_aligned(area.offset + area.size) for area in self.areas), default=0)

    @property
    def sizes(self) -> tuple[int, int]:
        """Bytes that are used of the first region, and of the second; of that, if there is one, at least a word."""
        first = [area for area in self.areas if self.split is None or area.offset < self.split]
        top = max((_aligned(area.offset + area.size) for area in first), default=0)
        return top, 0 if self.split is None else max(ALIGNMENT, self.size - self.split)

    @property
    def lower_bound(self) -> int:
        """Bytes that every plan needs: those alive at once at the worst operator."""
        return max(self.alive, default=0)

    @property
    def optimal(self) -> bool:
        """Whether no plan can be smaller, because this one has the size of the lower bound."""
        return self.size == self.lower_bound

    @cached_property
    def offsets(self) -> dict[str, int]:
        """Byte offset of every tensor but the outputs."""
        return {area.name: area.offset for area in self.areas if not area.scratch}

    @cached_property
    def scratch(self) -> dict[str, int]:
        """Byte offset of every operator's scratch."""
        return {area.name: area.offset for area in self.areas if area.scratch}


def plan(
    program: Program,
    scratch: Mapping[str, int] | None = None,
    over_first: Collection[str] = (),
    regions: tuple[int, int] | None = None,
) -> Plan:
    """The smallest arena that is found for `program`.

    Args:
        program: any.
        scratch: bytes that an operator, by name, needs for itself while it runs.
        over_first: names of operators that may write over their first input, from its first byte on, though they do
            not work element by element: their kernel has read what it overwrites.
        regions: bytes that there are of the first, in which the picture lies, and of the second; the first is filled
            first.

    Raises:
        BadInput: no plan was found that fits the regions.
    """
    scratch = scratch or {}
    tensors = _tensors(program)
    extra = [
        Area(o.name, True, 0, scratch[o.name], t, t) for t, o in enumerate(program.operators) if scratch.get(o.name)
    ]
    dying = [_dying(program, tensors, index, over_first) for index in range(len(program.operators))]
    apart = _alive(program, tensors, extra, [[] for _ in dying])
    alive = _alive(program, tensors, extra, dying)
    bound = max(alive, default=0)
    needed = [over if count > bound else [] for over, count in zip(dying, apart, strict=True)]
    if regions is not None:
        return _in_regions(program, tensors, extra, alive, (dying, needed, [[] for _ in dying]), regions)
    best: Plan | None = None
    for choice in (dying, [over[::-1] for over in dying], needed):
        bodies = _bodies(program, tensors, choice) + [_Body([area]) for area in extra]
        offsets = _pack(bodies, bound, len(program.operators))
        areas = [area for body, offset in zip(bodies, offsets, strict=True) for area in body.at(offset)]
        found = Plan(tuple(sorted(areas, key=lambda area: (area.first, area.offset))), alive)
        best = found if best is None or found.size < best.size else best
        if best.optimal:
            break
    assert best is not None
    return best


def bytes_alive(program: Program) -> tuple[int, ...]:
    """Bytes of tensors in use while each operator runs, if what can be written over is."""
    tensors = _tensors(program)
    dying = [_dying(program, tensors, index, ()) for index in range(len(program.operators))]
    return _alive(program, tensors, (), dying)


def _in_regions(
    program: Program,
    tensors: Mapping[str, Area],
    extra: Sequence[Area],
    alive: tuple[int, ...],
    choices: Iterable[Sequence[Sequence[Over]]],
    regions: tuple[int, int],
) -> Plan:
    """The plan that takes the least of the second region; the picture comes first, into the first region."""
    if min(regions) < 0 or any(size % ALIGNMENT for size in regions):
        raise BadInput(f"the arena's regions are of multiples of {ALIGNMENT} bytes, not {regions[0]} and {regions[1]}")
    split = regions[0]
    best: Plan | None = None
    for choice in choices:
        bodies = _bodies(program, tensors, choice) + [_Body([area]) for area in extra]
        collisions = _Collisions(bodies)
        for key in ORDERS:
            order = sorted(range(len(bodies)), key=lambda i: (program.input not in bodies[i].names, key(bodies[i])))
            offsets = _first_fit(collisions, order, split)
            areas = [area for body, offset in zip(bodies, offsets, strict=True) for area in body.at(offset)]
            found = Plan(tuple(sorted(areas, key=lambda area: (area.first, area.offset))), alive, split)
            if found.offsets[program.input] < split and (best is None or found.size < best.size):
                best = found
    if best is None or best.size > sum(regions):
        least = max(alive, default=0)
        raise BadInput(
            f"the arena does not fit regions of {regions[0]:,} and {regions[1]:,} bytes; it needs {least:,} at once, "
            "and nothing lies across the two"
        )
    return best


def size_bytes(tensor: Tensor) -> int:
    """Bytes of all elements."""
    return prod(tensor.shape) * ELEMENT_BYTES[tensor.dtype]


def _aligned(count: int) -> int:
    return -(-count // ALIGNMENT) * ALIGNMENT


def _tensors(program: Program) -> dict[str, Area]:
    """Every tensor but the outputs, at 0, with the operators it lives through."""
    made = {program.input: 0} | {o.output: index for index, o in enumerate(program.operators)}
    last = dict(made)
    for index, operator in enumerate(program.operators):
        last |= dict.fromkeys(operator.inputs, index)
    return {
        name: Area(name, False, 0, size_bytes(program.tensors[name]), first, last[name])
        for name, first in made.items()
        if name not in program.outputs
    }


def _dying(program: Program, tensors: Mapping[str, Area], index: int, over_first: Collection[str]) -> list[Over]:
    """Inputs that the output may lie in, because nothing reads them later or it is a piece of them as they are; none
    where the output has no place.
    """
    operator = program.operators[index]
    if operator.output not in tensors:
        return []
    return [
        (name, start)
        for name, start in operator.over(program.of(operator)[0], operator.name in over_first)
        if name in tensors and start % ALIGNMENT == 0 and (tensors[name].last == index or operator.copies)
    ]


def _alive(
    program: Program, tensors: Mapping[str, Area], extra: Iterable[Area], dying: Sequence[Sequence[Over]]
) -> tuple[int, ...]:
    """Bytes in use while each operator runs, what is written over, or lies in another tensor, counted once."""
    found = [0] * len(program.operators)
    whole = {
        operator.output: tensors[name]
        for index, operator in enumerate(program.operators)
        for name, _ in dying[index]
        if tensors[name].last > index
    }
    for area in (*tensors.values(), *extra):
        apart = area.first if area.scratch or area.name not in whole else whole[area.name].last + 1
        for index in range(apart, min(area.last + 1, len(found))):
            found[index] += _aligned(area.size)
    for index, operator in enumerate(program.operators):
        over = [_aligned(tensors[name].size) for name, _ in dying[index] if tensors[name].last == index]
        shared = [min(size, _aligned(tensors[operator.output].size)) for size in over]
        found[index] -= sum(shared) if _are_parts(dying[index]) else max(shared, default=0)
    return tuple(found)


def _are_parts(over: Sequence[Over]) -> bool:
    """Whether the inputs lie beside one another in the output."""
    return len({start for _, start in over}) > 1


class _Body:
    """Areas that keep their places relative to each other, because one is written over another."""

    def __init__(self, areas: Sequence[Area]) -> None:
        low = min(area.offset for area in areas)
        self.areas = [_moved(area, -low) for area in areas]
        self.spans: dict[int, list[tuple[int, int]]] = {}  # operator → bytes in use
        for area in self.areas:
            for index in range(area.first, area.last + 1):
                self.spans.setdefault(index, []).append((area.offset, area.offset + _aligned(area.size)))
        self.spans = {index: _united(spans) for index, spans in self.spans.items()}
        self.bytes = {index: sum(high - low for low, high in spans) for index, spans in self.spans.items()}
        self.names = {area.name for area in areas}
        self.height = max(_aligned(area.offset + area.size) for area in self.areas)

    def at(self, offset: int) -> list[Area]:
        return [_moved(area, offset) for area in self.areas]


def _moved(area: Area, by: int) -> Area:
    return Area(area.name, area.scratch, area.offset + by, area.size, area.first, area.last)


def _united(spans: list[tuple[int, int]], *, touching: bool = True) -> list[tuple[int, int]]:
    """Those that overlap as one, in order; those that only touch, too, or not."""
    found: list[tuple[int, int]] = []
    for low, high in sorted(spans):
        if found and (low <= found[-1][1] if touching else low < found[-1][1]):
            found[-1] = found[-1][0], max(found[-1][1], high)
        else:
            found.append((low, high))
    return found


def _bodies(program: Program, tensors: Mapping[str, Area], dying: Sequence[Sequence[Over]]) -> list[_Body]:
    """Every output tied to the input it is written over, a concatenation's to all of its."""
    groups = {name: [area] for name, area in tensors.items()}
    for index, operator in enumerate(program.operators):
        for name, start in dying[index]:
            joined = _join(groups[operator.output], groups[name], operator.output, name, start)
            if joined is None:
                continue
            for area in joined:
                groups[area.name] = joined
            if not _are_parts(dying[index]):
                break
    return [_Body(group) for group in {id(group): group for group in groups.values()}.values()]


def _join(outer: list[Area], inner: list[Area], output: str, name: str, start: int) -> list[Area] | None:
    """Both groups as one, `name` lying `start` bytes into `output`; None where two areas would then collide."""
    if outer is inner:
        return None
    at = {area.name: area.offset for area in (*outer, *inner)}
    shift = at[output] + start - at[name]
    moved = [_moved(area, shift) for area in inner]
    for a in outer:
        for b in moved:
            if (a.name, b.name) != (output, name) and _collide(a, b):
                return None
    return [*outer, *moved]


def _collide(a: Area, b: Area) -> bool:
    together = a.first <= b.last and b.first <= a.last
    return together and a.offset < b.offset + _aligned(b.size) and b.offset < a.offset + _aligned(a.size)


def _pack(bodies: Sequence[_Body], bound: int, operators: int) -> list[int]:
    """Offsets: first fit in several orders, then a search, until the height is the bound."""
    best: list[int] = []
    size = -1
    collisions = _Collisions(bodies)
    for key in ORDERS:
        order = sorted(range(len(bodies)), key=lambda i: key(bodies[i]))
        offsets = _first_fit(collisions, order)
        height = _height(bodies, offsets)
        if size < 0 or height < size:
            best, size = offsets, height
        if size <= bound:
            return best
    return _Search(collisions, bound, operators, best, size).run()


ORDERS: tuple[Callable[[_Body], tuple[int, ...]], ...] = (
    lambda body: (-body.height,),
    lambda body: (-sum(body.bytes.values()),),
    lambda body: (-len(body.spans), -body.height),
    lambda body: (min(body.spans), -body.height),
    lambda body: (-max(body.spans), -body.height),
)


class _Collisions:
    """How far apart two bodies may not lie."""

    def __init__(self, bodies: Sequence[_Body]) -> None:
        self.bodies = bodies
        self.found: dict[int, list[list[tuple[int, int]]]] = {}

    def of(self, number: int) -> list[list[tuple[int, int]]]:
        """For each body, between which numbers the offset of `number` less its own may not be, in order."""
        if number not in self.found:
            self.found[number] = [self._between(number, other) for other in range(len(self.bodies))]
        return self.found[number]

    def _between(self, a: int, b: int) -> list[tuple[int, int]]:
        spans, others = self.bodies[a].spans, self.bodies[b].spans
        pairs = ((one, two) for index in spans.keys() & others for one in spans[index] for two in others[index])
        return _united([(two[0] - one[1], two[1] - one[0]) for one, two in pairs], touching=False)

    def fit(self, number: int, placed: Iterable[tuple[int, int]], split: int | None = None) -> int:
        """The lowest offset at which it is clear of what is placed, (number, offset), and not across the split."""
        apart = self.of(number)
        taken = [(offset + low, offset + high) for other, offset in placed for low, high in apart[other]]
        if split is not None:
            taken.append((split - self.bodies[number].height, split))
        found = 0
        for low, high in sorted(taken):
            if low >= found:
                break
            found = max(found, high)
        return found


def _first_fit(collisions: _Collisions, order: Iterable[int], split: int | None = None) -> list[int]:
    placed: dict[int, int] = {}
    for number in order:
        placed[number] = collisions.fit(number, placed.items(), split)
    return [placed[number] for number in range(len(placed))]


def _height(bodies: Sequence[_Body], offsets: Sequence[int]) -> int:
    return max((offset + body.height for body, offset in zip(bodies, offsets, strict=True)), default=0)


@dataclass(frozen=True)
class _Laid:
    """Bodies that are laid down, number and offset. fits: of each that is left, the lowest offset.

    index, low, high: of all spans; top: the end of the last at each operator. left: bytes there of what is left.
    """

    order: tuple[tuple[int, int], ...]
    fits: dict[int, int]
    index: NDArray[np.int64]
    low: NDArray[np.int64]
    high: NDArray[np.int64]
    top: NDArray[np.int64]
    left: NDArray[np.int64]


class _Search:
    """Branch and bound: bodies laid down from low to high offsets, each as low as it goes.

    Every packing can be pushed down into such an order, but where a concatenation's parts hang over a gap.
    """

    def __init__(self, collisions: _Collisions, bound: int, operators: int, best: list[int], size: int) -> None:
        self.collisions, self.bound, self.best, self.size, self.nodes = collisions, bound, best, size, 0
        self.bodies = collisions.bodies
        self.spans = [
            np.array([(i, *span) for i, spans in body.spans.items() for span in spans], np.int64).reshape(-1, 3).T
            for body in self.bodies
        ]
        self.bytes = np.zeros((len(self.bodies), operators), np.int64)
        for number, body in enumerate(self.bodies):
            self.bytes[number, list(body.bytes)] = list(body.bytes.values())

    def run(self) -> list[int]:
        """The best offsets that are found within `NODES` steps."""
        none = np.zeros(0, np.int64)
        top = np.zeros(self.bytes.shape[1], np.int64)
        self._extend(_Laid((), dict.fromkeys(range(len(self.bodies)), 0), none, none, none, top, self.bytes.sum(0)), 0)
        return self.best

    def _extend(self, laid: _Laid, floor: int) -> None:
        self.nodes += 1
        if self.nodes >= NODES or self.size <= self.bound:
            return
        if not laid.fits:
            offsets = [offset for _, offset in sorted(laid.order)]
            height = _height(self.bodies, offsets)
            if height < self.size:
                self.best, self.size = offsets, height
            return
        if self._least(laid, floor) >= self.size:
            return
        for offset, _, number in sorted((at, -self.bodies[n].height, n) for n, at in laid.fits.items()):
            if offset >= floor:
                if self.nodes >= NODES:
                    return
                self._extend(self._with(laid, number, offset), offset)

    def _with(self, laid: _Laid, number: int, offset: int) -> _Laid:
        order, fits = (*laid.order, (number, offset)), {}
        apart = self.collisions.of(number)
        for other, at in laid.fits.items():
            if other != number:
                for least, largest in apart[other]:
                    if least < offset - at < largest:
                        at = self.collisions.fit(other, order)
                        break
                fits[other] = at
        index, low, high = self.spans[number]
        top = laid.top.copy()
        np.maximum.at(top, index, high + offset)
        return _Laid(
            order, fits, np.concatenate([laid.index, index]), np.concatenate([laid.low, low + offset]),
            np.concatenate([laid.high, high + offset]), top, laid.left - self.bytes[number],
        )  # fmt: skip

    def _least(self, laid: _Laid, floor: int) -> int:
        """Bytes that every completion needs: what is left lies above `floor`, beside what is placed there."""
        beside = np.maximum(laid.high - np.maximum(laid.low, floor), 0)
        above = np.bincount(laid.index, beside, minlength=len(laid.top)).astype(np.int64)
        return int(np.where(laid.left > 0, floor + above + laid.left, laid.top).max(initial=floor))
