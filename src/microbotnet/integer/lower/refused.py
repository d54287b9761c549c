"""Why an operator has no integer form, and where it stands in the network's code."""

from ...graph.graph import Node


class Refused(Exception):
    """Why an operator, the head of a stage unless it is named, has no integer form."""

    def __init__(self, reason: str, node: Node | None = None) -> None:
        super().__init__(reason)
        self.node = node


def place(node: Node, reason: str) -> str:
    """One line: the place in the code, the layer, the reason."""
    where = f"{node.source}: " if node.source else ""
    return f"{where}layer {node.name} ({node.kind}): {reason}"
