"""Operators in words: their short form in a table, their line in the style of torch, and what they do and cost."""

from math import prod

from ..graph import Graph, Node
from ..graph.graph import times
from ..graph.kinds import kind_of
from ..graph.kinds.numbers import one
from ..graph.steps import Step
from ..preprocessing import picture_size
from .macs import node_macs


def pixels(shape: tuple[int, ...]) -> str:
    """32×32 for a square RGB picture, else the whole shape."""
    return times(shape[1:] if picture_size(shape) else shape)


def short(step: Step) -> str:
    """A step for a table: 'depthwise 5×5 /2, BN, h-swish'."""
    return ", ".join([_short(step.head), *(_word(node.kind) for node in step.nodes[1:])])


def _short(node: Node) -> str:
    words = _word(node.kind)
    if node.kind.endswith("_pool") and prod(node.shape[1:]) == 1 and node.kernel:
        return f"global {words}"
    if node.kernel:
        words += f" {times(node.kernel)}"
        words += f" /{one(node.stride)}" if max(node.stride) > 1 else ""
    if node.groups > 1 and node.kind == "conv":
        words += f" in {node.groups} groups"
    return words


def signature(node: Node) -> str:
    """An operator the way its module is written: Conv2d(3, 8, 3×3, stride 2)."""
    return kind_of(node.kind).signature(node)


def explain(graph: Graph, node: Node) -> list[str]:
    """What an operator does, in a sentence or two, and then its cost: the formula with its numbers filled in."""
    kind = kind_of(node.kind)
    lines = [kind.what(graph, node), *kind.formula(graph, node)]
    thop = node_macs(graph, node, "thop_2020")
    if thop != node_macs(graph, node):
        formula = kind.thop_formula(node) if thop and kind.thop_formula else ""
        lines.append(f"MACs in thop_2020 = {formula}{' = ' if formula else ''}{thop:,}")
    for parameter in node.parameters:
        factors = " × ".join(map(str, parameter.shape)) or "1"
        total = f" = {parameter.numel:,}" if len(parameter.shape) > 1 else ""
        lines.append(f"Parameters, {parameter.role}: {factors}{total}")
    return lines


def _word(kind: str) -> str:
    return kind_of(kind).short or kind
