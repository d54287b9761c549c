"""A network's costs, layer by layer and in total: what `microbotnet profile` prints."""

from dataclasses import dataclass
from typing import Any

from ..graph import Graph
from ..graph.steps import Step, fuse
from .macs import CONVENTIONS, count_macs, node_macs


@dataclass(frozen=True)
class Layer:
    """One row: a step with the learned values it holds and its MACs in every convention."""

    step: Step
    parameters: int
    macs: dict[str, int]

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
        }


@dataclass(frozen=True)
class Profile:
    """All costs of a network for one picture."""

    graph: Graph
    layers: tuple[Layer, ...]
    macs: dict[str, int]

    @property
    def parameters(self) -> int:
        """Learned values."""
        return self.graph.parameter_count

    def to_json(self) -> dict[str, Any]:
        """Plain values, as `profile --json` prints them."""
        return {
            "parameters": self.parameters,
            "macs": self.macs,
            "layers": [layer.to_json() for layer in self.layers],
            "warnings": list(self.graph.warnings),
        }


def profile(graph: Graph) -> Profile:
    """Cost a traced network."""
    layers = tuple(_layer(graph, step) for step in fuse(graph))
    return Profile(graph, layers, {convention: count_macs(graph, convention) for convention in CONVENTIONS})


def _layer(graph: Graph, step: Step) -> Layer:
    held = dict.fromkeys(name for node in step.nodes for parameter in node.parameters for name in parameter.sources)
    return Layer(
        step,
        parameters=sum(graph.parameters.get(name, 0) for name in held),
        macs={name: sum(node_macs(graph, node, name) for node in step.nodes) for name in CONVENTIONS},
    )
