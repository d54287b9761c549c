"""Energy of one picture, itemised: arithmetic by operand type, weight reads, activation reads and writes.

For each step (`fuse`: a layer with the batch norm and activation that follow it):

- arithmetic: its MACs; additions and multiplications of element-wise operators and pools (`graph.kinds`); one
  requantization for each integer that a step with any of these writes. A batch norm after a layer with weights
  folds into it for nothing.
- weights: all bits of its kernel and other values, fetched `reads_per_weight` times from a memory that holds the
  whole network's weights.
- activations: all elements of its inputs, fetched `reads_per_activation` times, and its output, written once, in a
  memory of the size of the peak of live activations. A concatenation is written in place and moves nothing; channels in
  another order move nothing either: the next layer reads them so. Activations of 4 bits lie two in a byte; the picture
  keeps 8, and arithmetic costs what it costs with 8, for which there is a source.

With one read each, weights and activations cost the least that any dataflow can reach; no leakage, clock, control or
instruction fetch is in it. Constants and their sources: `preset`.
"""

from dataclasses import dataclass
from typing import Any

from ..errors import BadInput
from ..graph import Graph
from ..graph.kinds import kind_of
from ..graph.steps import Step, fuse
from .macs import node_macs
from .memory import kernels_of, measure_memory, other_values
from .preset import OPERANDS, Preset, load_preset, scale

PARTS = ("arithmetic", "weights", "activations")
BUDGET_PJ = 1_000_000.0  # 1 µJ, the goal

BITS = {"int8": 8, "ternary": 8, "fp16": 16, "fp32": 32}  # of an activation
ACTIVATION_BITS = (8, 4)  # with int8 and ternary operands


@dataclass(frozen=True)
class Item:
    """One line of the account: `count` times `each` pJ."""

    part: str  # "arithmetic", "weights" or "activations"
    what: str
    count: float
    each: float

    @property
    def pj(self) -> float:
        """Its energy in pJ."""
        return self.count * self.each


@dataclass(frozen=True)
class Energy:
    """Energy of one picture in pJ, by step and item."""

    preset: Preset
    operand: str
    steps: dict[str, tuple[Item, ...]]
    weight_memory_bytes: float
    activation_memory_bytes: float
    activation_bits: int = 8

    def part(self, name: str, step: str | None = None) -> float:
        """pJ of "arithmetic", "weights" or "activations", of one step or of all."""
        chosen = self.steps.values() if step is None else [self.steps[step]]
        return sum(item.pj for items in chosen for item in items if item.part == name)

    @property
    def total(self) -> float:
        """pJ a picture."""
        return sum(item.pj for items in self.steps.values() for item in items)

    @property
    def memory_share(self) -> float:
        """The share of the total that reads and writes memory, 0…1."""
        return (self.part("weights") + self.part("activations")) / self.total if self.total else 0.0

    @property
    def items(self) -> tuple[Item, ...]:
        """The account over all steps: equal lines added up, part by part."""
        sums: dict[tuple[str, str, float], float] = {}
        for items in self.steps.values():
            for item in items:
                key = item.part, item.what, item.each
                sums[key] = sums.get(key, 0.0) + item.count
        found = [Item(part, what, count, each) for (part, what, each), count in sums.items()]
        return tuple(sorted(found, key=lambda item: PARTS.index(item.part)))

    def to_json(self) -> dict[str, Any]:
        """Plain values; energies in pJ."""
        return {
            "total": self.total,
            **{part: self.part(part) for part in PARTS},
            "preset": self.preset.name,
            "operand": self.operand,
            "activation_bits": self.activation_bits,
            "memory_share": self.memory_share,
            "under_1_uj": self.total < BUDGET_PJ,
            "items": [
                {"part": i.part, "what": i.what, "count": i.count, "pj_each": i.each, "pj": i.pj} for i in self.items
            ],
        }


def estimate_energy(
    graph: Graph,
    preset: Preset | str = "horowitz-45nm",
    *,
    operand: str = "int8",
    density: float | None = None,
    activation_bits: int | None = None,
) -> Energy:
    """What one picture costs.

    Args:
        graph: the network.
        preset: the constants, by name, by the path of a TOML file, or loaded.
        operand: of weights and activations: "int8", "fp16", "fp32"; "ternary" takes all kernels as −1, 0, +1 at 2 bits
            with int8 activations. With "int8", kernels whose values are ternary already are costed so.
        density: share of ternary weights that are not zero; the others are skipped. None counts the network's own.
        activation_bits: 8, or 4 where the operand is "int8" or "ternary"; None is that of the operand.

    Raises:
        BadInput: unknown preset, operand or bits, or a constant of the preset is missing or negative.
    """
    if operand not in OPERANDS:
        raise BadInput(f"operand must be one of {', '.join(OPERANDS)}, not {operand!r}")
    if activation_bits not in (None, BITS[operand], *(ACTIVATION_BITS if BITS[operand] == 8 else ())):
        raise BadInput(f"activation_bits must be 8, or 4 with int8 or ternary, not {activation_bits} with {operand}")
    preset = preset if isinstance(preset, Preset) else load_preset(preset)
    return _Account(graph, preset, operand, density, activation_bits or BITS[operand]).energy()


class _Account:
    def __init__(self, graph: Graph, preset: Preset, operand: str, density: float | None, activation_bits: int) -> None:
        self.graph, self.preset, self.operand, self.density = graph, preset, operand, density
        self.bits, self.activation_bits = BITS[operand], activation_bits
        self.other_bits = 32 if self.bits == 8 else self.bits  # of biases, scales and shifts
        self.ternary = {kernel.name for kernel in kernels_of(graph) if self._is_ternary(kernel.ternary)}
        held = sum(kernel.numel * self._kernel_bits(kernel.name) for kernel in kernels_of(graph))
        self.weight_memory = (held + other_values(graph) * self.other_bits) / 8
        pictures = sum(graph[name].numel for name in graph.inputs)
        self.activation_memory = (
            measure_memory(graph).peak_activation_bytes * activation_bits + pictures * (self.bits - activation_bits)
        ) / 8  # as if a picture that is wider than the rest lay beside it all the time

    def energy(self) -> Energy:
        steps = fuse(self.graph)
        sizes = {name: self.graph[name].numel * self.bits for name in self.graph.inputs}  # in bits
        sizes |= {step.name: step.numel * self.activation_bits for step in steps}
        accounts = {}
        for step in steps:
            items = [*self._arithmetic(step), *self._weights(step)]
            if step.kind != "concat" and not self._only_reorders(step):
                items += self._activations(sum(sizes[name] for name in step.inputs), sizes[step.name])
            accounts[step.name] = tuple(item for item in items if item.count)
        return Energy(
            self.preset, self.operand, accounts, self.weight_memory, self.activation_memory, self.activation_bits
        )

    def _only_reorders(self, step: Step) -> bool:
        return step.kind in ("transpose", "roll") and step.shape == self.graph[step.head.inputs[0]].shape

    def _is_ternary(self, already: bool) -> bool:
        return self.operand == "ternary" or (self.operand == "int8" and already)

    def _kernel_bits(self, name: str) -> int:
        return 2 if name in self.ternary else self.bits

    def _arithmetic(self, step: Step) -> list[Item]:
        constants = self.preset.arithmetic
        kind = "int8" if self.operand == "ternary" else self.operand
        items = []
        adds = multiplies = 0
        weighted = kind_of(step.kind).weighted
        for node in step.nodes:
            macs: float = node_macs(self.graph, node, self.preset.macs)
            operand = kind
            if kind_of(node.kind).weighted and node.weight and node.weight.name in self.ternary:
                operand = "ternary"
                macs *= node.weight.density if self.density is None else self.density
            items.append(Item("arithmetic", f"{operand} MACs ({self.preset.macs})", macs, constants[f"mac_{operand}"]))
            if not (node.kind == "batch_norm" and weighted):
                more = kind_of(node.kind).operations(node)
                adds, multiplies = adds + more[0], multiplies + more[1]
        items.append(Item("arithmetic", f"{kind} additions", adds, constants[f"add_{kind}"]))
        items.append(Item("arithmetic", f"{kind} multiplications", multiplies, constants[f"multiply_{kind}"]))
        if self.bits == 8 and any(item.count for item in items):
            items.append(Item("arithmetic", "requantizations", step.numel, constants["requantize"]))
        return items

    def _weights(self, step: Step) -> list[Item]:
        bits = 0
        for node in step.nodes:
            kernel = node.weight if kind_of(node.kind).weighted else None
            bits += kernel.numel * self._kernel_bits(kernel.name) if kernel else 0
            others = 2 * node.out_channels if node.kind == "batch_norm" else 0
            others = others or sum(p.numel for p in node.parameters if p is not kernel)
            bits += others * self.other_bits
        words = bits / self.preset.word_bits * self.preset.reads_per_weight
        each = self.preset.access_pj(self.weight_memory)
        return [Item("weights", f"weight reads, {_size(self.weight_memory)} memory", words, each)]

    def _activations(self, read: int, written: int) -> list[Item]:
        """Of so many bits."""
        word, memory, size = self.preset.word_bits, self.activation_memory, _size(self.activation_memory)
        reads = read / word * self.preset.reads_per_activation
        read_pj, write_pj = self.preset.access_pj(memory), self.preset.access_pj(memory, write=True)
        return [
            Item("activations", f"activation reads, {size} memory", reads, read_pj),
            Item("activations", f"activation writes, {size} memory", written / word, write_pj),
        ]


@dataclass(frozen=True)
class Change:
    """Something that would lower the energy, and what the total would then be."""

    what: str
    energy: Energy


def changes(graph: Graph, energy: Energy) -> list[Change]:
    """What would lower the energy, each computed on this network, the greatest saving first."""
    preset, bits = energy.preset, energy.activation_bits
    tries: list[tuple[str, Preset, str, float | None, int]] = [
        ("weights at 2 bits (ternary, none zero)", preset, "ternary", 1.0, bits),
        ("weights at 2 bits, half of them zero and skipped", preset, "ternary", 0.5, bits),
    ]
    if bits == 8:
        tries.append(("activations at 4 bits", preset, energy.operand, None, 4))
    if preset.node_nm and preset.node_nm > 22:
        small = scale(preset, 22)
        tries.append(("a 22 nm process", small, energy.operand, None, bits))
        tries.append(("a 22 nm process and weights at 2 bits", small, "ternary", 1.0, bits))
    found = [
        Change(what, estimate_energy(graph, model, operand=o, density=d, activation_bits=b))
        for what, model, o, d, b in tries
    ]
    return sorted((c for c in found if c.energy.total < 0.995 * energy.total), key=lambda change: change.energy.total)


def _size(size_bytes: float) -> str:
    return f"{size_bytes / 1024:.1f} kB"
