"""A network's costs, layer by layer and in total: what `microbotnet profile` prints."""

from dataclasses import dataclass
from typing import Any

from ..graph import Graph
from ..graph.steps import Step, fuse
from .energy import PARTS, Energy, estimate_energy
from .macs import CONVENTIONS, count_macs, effective_macs, node_macs
from .memory import Memory, measure_memory
from .preset import Preset


@dataclass(frozen=True)
class Layer:
    """One row: a step with the learned values it holds, its MACs in every convention, output bytes and energy."""

    step: Step
    parameters: int
    macs: dict[str, int]
    activation_bytes: int
    energy_pj: dict[str, float]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        head = self.step.head
        return {
            "name": self.step.name,
            "kind": self.step.kind,
            "operators": [node.kind for node in self.step.nodes],
            "inputs": list(self.step.inputs),
            "kernel": list(head.kernel),
            "stride": list(head.stride),
            "padding": list(head.padding),
            "groups": head.groups,
            "output_shape": list(self.step.shape),
            "parameters": self.parameters,
            "macs": self.macs,
            "activation_bytes": self.activation_bytes,
            "energy_pj": self.energy_pj,
        }


@dataclass(frozen=True)
class Profile:
    """All costs of a network for one picture."""

    graph: Graph
    layers: tuple[Layer, ...]
    macs: dict[str, int]
    effective_macs: int  # conv_linear, without those by a weight of zero
    memory: Memory
    energy: Energy

    @property
    def parameters(self) -> int:
        """Learned values."""
        return self.graph.parameter_count

    def to_json(self) -> dict[str, Any]:
        """Plain values, as `profile --json` prints them."""
        return {
            "parameters": self.parameters,
            "macs": self.macs,
            "macs_without_zero_weights": self.effective_macs,
            "memory": self.memory.to_json(),
            "energy_pj": self.energy.to_json(),
            "layers": [layer.to_json() for layer in self.layers],
            "warnings": list(self.graph.warnings),
        }


def profile(graph: Graph, preset: Preset | str = "horowitz-45nm", *, activation_bits: int | None = None) -> Profile:
    """Cost a traced network: MACs in every convention, int8 activation memory, energy by `preset`.

    Args:
        activation_bits: 8 or 4, as `estimate_energy` prices them.

    Raises:
        BadInput: the preset is unknown, or its file is not one.
    """
    memory = measure_memory(graph)
    energy = estimate_energy(graph, preset, activation_bits=activation_bits)
    return Profile(
        graph,
        layers=tuple(_layer(graph, step, memory, energy) for step in fuse(graph)),
        macs={convention: count_macs(graph, convention) for convention in CONVENTIONS},
        effective_macs=sum(effective_macs(graph, node) for node in graph),
        memory=memory,
        energy=energy,
    )


def _layer(graph: Graph, step: Step, memory: Memory, energy: Energy) -> Layer:
    held = dict.fromkeys(name for node in step.nodes for parameter in node.parameters for name in parameter.sources)
    return Layer(
        step,
        parameters=sum(graph.parameters.get(name, 0) for name in held),
        macs={name: sum(node_macs(graph, node, name) for node in step.nodes) for name in CONVENTIONS},
        activation_bytes=step.numel * memory.activation_element_bytes,
        energy_pj={part: energy.part(part, step.name) for part in PARTS},
    )
