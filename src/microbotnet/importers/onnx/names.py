"""Module paths from what exporters call nodes and weights."""

from collections import Counter
from collections.abc import Sequence

from .file import Node

_AUTOMATIC = ("onnx::", "const_fold_opt", "val_", "_val_", "/")


def weight_path(weight: str) -> str | None:
    """Where a layer stood in the network it came from, if its weight's name tells: features.0 of features.0.weight."""
    if not weight.endswith(".weight") or weight.startswith(_AUTOMATIC):
        return None
    return _joined(weight.removesuffix(".weight").split("."))


def node_paths(nodes: Sequence[Node]) -> dict[int, str]:
    """A dotted path for each node, by its number, from its name.

    /features/features.3/conv/conv.0/Conv is features.3.conv.0: the operator is left out where the module has only one.
    """
    parts = {node.number: _parts(node) for node in nodes}
    inside = Counter(".".join(path[:depth]) for path in parts.values() for depth in range(1, len(path) + 1))
    found = {}
    for node in nodes:
        path = parts[node.number]
        alone = len(path) > 1 and path[-1].split("_")[0] == node.kind and inside[".".join(path[:-1])] == 1
        found[node.number] = _joined(path[:-1] if alone else path) or f"{node.kind.lower()}_{node.number}"
    return found


def _parts(node: Node) -> list[str]:
    parts: list[str] = []
    for part in node.name.removeprefix("node_").replace(":", "_").strip("/").split("/"):
        if parts and part.startswith(f"{parts[-1]}."):  # torch repeats a container's name before its member's
            parts[-1] = part
        else:
            parts.append(part)
    return parts


def _joined(parts: Sequence[str]) -> str:
    return ".".join(part for name in parts for part in name.replace(" ", "_").split(".") if part)
