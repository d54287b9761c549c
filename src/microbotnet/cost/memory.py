"""Bytes that a network needs on a chip: its weights, and the activations alive at the same time.

Weights are what is stored after training: the value that a quantizer computed, not what it was computed from. The
kernels of convolutions and linear layers have the width that the format says; every other value (bias, the scale and
shift that a batch norm folds into) has 4 bytes, in every format.

- `float32`: 4 bytes a weight
- `int8`: 1 byte a weight
- `ternary_2bit`: 2 bits a weight, whole bytes a layer
- `sparse_ternary`: 1 bit a weight says whether it is zero, 1 more bit the sign of one that is not; whole bytes a layer

Activations are counted as steps (`fuse`) write them: a batch norm or activation that follows a layer costs
nothing, since it is done on the way out. Alive at a time are the tensors still to be read and the one being written.
A sum, product or activation writes over an input that dies with it; the inputs of a concatenation that die with it
were written side by side from the start. These are live bytes: a bound for every memory plan, met where nothing lies
in between. Accumulators and line buffers are not counted.
"""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import BadInput
from ..graph import Graph, Parameter
from ..graph.kinds import kind_of
from ..graph.steps import Step, fuse

STATES = 100_000  # of the search for the best order; the networks of the zoo need a few hundred


@dataclass(frozen=True)
class Memory:
    """Bytes for one picture.

    `order` runs the steps so that `peak_activation_bytes`, the most bytes alive at once, is least; `alive` has the
    bytes at each step of it. `exact` is false where the search for a better order had to be given up.
    """

    weight_bytes: dict[str, int]
    binary_kernel_bytes: dict[str, int]
    peak_activation_bytes: int
    activation_element_bytes: int
    order: tuple[str, ...]
    alive: tuple[int, ...]
    exact: bool

    @property
    def peak_step(self) -> str:
        """The first step at which the peak is reached."""
        return self.order[self.alive.index(self.peak_activation_bytes)]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "weight_bytes": self.weight_bytes,
            "binary_kernel_bytes": self.binary_kernel_bytes,
            "peak_activation_bytes": self.peak_activation_bytes,
            "peak_step": self.peak_step,
            "activation_element_bytes": self.activation_element_bytes,
            "best_order_is_exact": self.exact,
        }


def measure_memory(graph: Graph, *, element_bytes: int = 1, density: float | None = None) -> Memory:
    """Weight bytes in every format, and the peak of live activation bytes with the best order.

    Args:
        graph: the network.
        element_bytes: of an activation; 1 is int8, 4 is float32.
        density: share of weights that are not zero for `sparse_ternary`, 0…1; None counts those of the network.

    Raises:
        BadInput: an argument out of range.
    """
    if element_bytes < 1:
        raise BadInput(f"element_bytes must be at least 1, not {element_bytes}")
    steps = fuse(graph)
    order, alive, exact = _best_order(_Schedule(graph, steps, element_bytes))
    return Memory(
        weight_bytes=weight_bytes(graph, density=density),
        binary_kernel_bytes=binary_kernel_bytes(graph),
        peak_activation_bytes=max(alive),
        activation_element_bytes=element_bytes,
        order=tuple(steps[index].name for index in order),
        alive=tuple(alive),
        exact=exact,
    )


def weight_bytes(graph: Graph, *, density: float | None = None) -> dict[str, int]:
    """Bytes of all stored values in each format."""
    if density is not None and not 0 <= density <= 1:
        raise BadInput(f"density must be from 0 to 1, not {density:g}")
    kernels, others = list(kernels_of(graph)), 4 * other_values(graph)
    found = dict.fromkeys(("float32", "int8", "ternary_2bit", "sparse_ternary"), others)
    for kernel in kernels:
        nonzero = kernel.nonzero if density is None else round(density * kernel.numel)
        found["float32"] += 4 * kernel.numel
        found["int8"] += kernel.numel
        found["ternary_2bit"] += whole_bytes(2 * kernel.numel)
        found["sparse_ternary"] += whole_bytes(kernel.numel + nonzero)
    return found


def binary_kernel_bytes(graph: Graph) -> dict[str, int]:
    """Bytes of the kernels alone at 1 bit a weight: "convolutions", "linears" and their "total".

    The account of binary chips, whose batch norms are thresholds beside the memory of the weights (Bankman et al.
    2019, doi 10.1109/JSSC.2018.2869150: 256 kB and 5.5 kB).
    """
    sizes = {"convolutions": 0, "linears": 0}
    for kernel in kernels_of(graph):
        sizes["convolutions" if len(kernel.shape) > 2 else "linears"] += whole_bytes(kernel.numel)
    return sizes | {"total": sum(sizes.values())}


def kernels_of(graph: Graph) -> Iterator[Parameter]:
    """The weights of convolutions and linear layers, shared ones once."""
    seen = set()
    for node in graph:
        if kind_of(node.kind).weighted and node.weight and node.weight.name not in seen:
            seen.add(node.weight.name)
            yield node.weight


def other_values(graph: Graph) -> int:
    """How many stored values are no kernel: biases, and a scale and a shift for each channel of a batch norm."""
    found: dict[str, int] = {}
    for node in graph:
        if node.kind == "batch_norm":
            found[node.module or node.name] = 2 * node.out_channels
        else:
            rest = (p for p in node.parameters if not (kind_of(node.kind).weighted and p.role == "weight"))
            found |= {parameter.name: parameter.numel for parameter in rest}
    return sum(found.values())


def whole_bytes(bits: int) -> int:
    """Bytes that hold so many bits."""
    return -(-bits // 8)


class _Schedule:
    """Steps as numbers: who reads what, and how the live bytes change when a step runs.

    A state is the set of steps that have run, as the bits of an integer. Tensor t is the output of step t; the
    pictures come after the steps.
    """

    def __init__(self, graph: Graph, steps: Sequence[Step], element_bytes: int) -> None:
        names = [*(step.name for step in steps), *graph.inputs]
        index = {name: number for number, name in enumerate(names)}
        self.count = len(steps)
        self.sizes = [step.numel * element_bytes for step in steps]
        self.sizes += [graph[name].numel * element_bytes for name in graph.inputs]
        self.reads = [[index[name] for name in step.inputs] for step in steps]
        self.needs = [sum(1 << t for t in reads if t < self.count) for reads in self.reads]
        self.readers = [0] * len(names)
        for number, reads in enumerate(self.reads):
            for tensor in reads:
                self.readers[tensor] |= 1 << number
        self.in_place = [step.elementwise for step in steps]
        self.concats = [step.kind == "concat" for step in steps]
        self.kept = {index[name] for name in _makers(graph, steps)}
        self.start = sum(self.sizes[self.count :])

    def available(self, done: int) -> Iterator[int]:
        for number in range(self.count):
            if not done >> number & 1 and self.needs[number] & ~done == 0:
                yield number

    def run(self, number: int, done: int, alive: int) -> tuple[int, int]:
        """Bytes alive while step `number` runs, and after it."""
        after = done | 1 << number
        dying = [t for t in self.reads[number] if t not in self.kept and self.readers[t] & ~after == 0]
        freed = sum(self.sizes[t] for t in dying)
        size = self.sizes[number]
        if self.concats[number]:
            extra = max(size - freed, 0)
        elif self.in_place[number] and any(self.sizes[t] >= size for t in dying):
            extra = 0
        else:
            extra = size
        dead = 0 if self.readers[number] or number in self.kept else size
        return alive + extra, alive + size - freed - dead


def _makers(graph: Graph, steps: Sequence[Step]) -> list[str]:
    """The steps (or pictures) that hold the network's outputs."""
    home = {node.name: step.name for step in steps for node in step.nodes}
    found = []
    for name in graph.outputs:
        while kind_of(graph[name].kind).reshapes:
            name = graph[name].inputs[0]
        found.append(home.get(name, name))
    return found


def _best_order(schedule: _Schedule) -> tuple[list[int], list[int], bool]:
    """The order with the least peak: best-first search over the sets of steps that can have run.

    A step that raises neither the peak so far nor what stays alive is run at once: doing it later cannot be better.
    The sets funnel through every tensor that all paths pass, so the search is small for networks that are chains of
    blocks. Gives up after `STATES` sets and then keeps the order in which the network was written.
    """
    everything = (1 << schedule.count) - 1
    floor = max(schedule.sizes)  # no order stays under the largest tensor
    came: dict[int, tuple[int, int]] = {}
    queue = [(floor, 0, 0, schedule.start, -1, 0)]
    while queue:
        peak, _, done, alive, step, before = heapq.heappop(queue)
        if done in came:
            continue
        came[done] = before, step
        if done == everything:
            return *_replay(schedule, _path(came, done)), True
        if len(came) > STATES:
            break
        moves = [(number, *schedule.run(number, done, alive)) for number in schedule.available(done)]
        free = [move for move in moves if move[1] <= peak and move[2] <= alive]
        for number, during, after in free[:1] or moves:
            state = done | 1 << number
            if state not in came:
                entry = (max(peak, during), -state.bit_count(), state, after, number, done)
                heapq.heappush(queue, entry)
    return *_replay(schedule, list(range(schedule.count))), False


def _path(came: dict[int, tuple[int, int]], state: int) -> list[int]:
    order = []
    while state:
        state, step = came[state]
        order.append(step)
    return order[::-1]


def _replay(schedule: _Schedule, order: list[int]) -> tuple[list[int], list[int]]:
    """The order, and the bytes alive at each of its steps."""
    done, alive, seen = 0, schedule.start, []
    for number in order:
        during, alive = schedule.run(number, done, alive)
        seen.append(during)
        done |= 1 << number
    return order, seen
