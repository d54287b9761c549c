"""Which modules of a network are its blocks: those that a drawing puts a frame around."""

from ..graph import Graph
from ..graph.kinds import kind_of

CONTAINERS = {"Sequential", "ModuleList", "ModuleDict"}
MOST_STEPS = 16


def block_of(graph: Graph, module: str) -> str:
    """'features.3 · Bottleneck', the block of the network that the module at this path is part of; '' for none."""
    parts = module.split(".")
    for depth in range(1, len(parts)):
        path = ".".join(parts[:depth])
        if _is_block(graph, path, graph.modules.get(path, "")):
            return f"{path} · {graph.modules[path]}"
    # An operator that a block runs itself, such as the add of its shortcut.
    kind = graph.modules.get(module, "")
    own = any(path.startswith(module + ".") for path in graph.modules)
    return f"{module} · {kind}" if module and own and _is_block(graph, module, kind) else ""


def _is_block(graph: Graph, path: str, kind: str) -> bool:
    """Whether a module is worth a frame: no mere container, more than one operator, not half the network."""
    if not kind or kind in CONTAINERS:
        return False
    inside = [node for node in graph if node.module == path or node.module.startswith(path + ".")]
    steps = sum(kind_of(node.kind).heavy for node in inside)
    return len(inside) > 1 and steps <= MOST_STEPS
