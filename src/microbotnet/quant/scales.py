"""Which layers need no scale, since a batch norm behind them divides it out again."""

from ..graph.graph import Graph
from ..graph.kinds import kind_of


def absorbed(graph: Graph) -> set[str]:
    """The modules (paths) whose outputs, times any positive number, leave the network's output as it is.

    Everything that a layer's output reaches is a batch norm, directly or behind operators that hand a positive factor
    on: a ReLU, a pool, a concatenation. A sum does not, for it mixes the factor with another branch.
    """
    free: dict[str, bool] = {}
    for node in reversed(graph.nodes):  # readers come before what they read
        readers = [graph[name] for name in graph.consumers[node.name]]
        free[node.name] = bool(readers) and node.name not in graph.outputs
        free[node.name] &= all(
            r.kind == "batch_norm" or (kind_of(r.kind).passes_scale and free[r.name]) for r in readers
        )
    bound = {node.module for node in graph if not free[node.name]}
    return {node.module for node in graph} - bound
