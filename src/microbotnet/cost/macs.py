"""Multiply-accumulates (MACs) of a graph, in two conventions. Always name the convention beside the number.

`conv_linear`, the default: one per weight and output position of every convolution, linear layer and matrix product;
bias, batch norm, activations and pools are free. Exactly half of `torch.utils.flop_counter.FlopCounterMode`.

`thop_2020`: what thop 0.0.31.post2001170342 printed, which the notes quote. It counts torch modules by their class:

- Conv: outputs × (inputs a group × kernel elements, + 1 with a bias)
- Linear: outputs × (2 × inputs − 1, + 1 with a bias): here it counts multiplications *and* additions
- BatchNorm: 2 × elements
- AvgPool: 1 per output; AdaptiveAvgPool: (kernel elements + 1) per output
- LeakyReLU: 1 per element
- every other module, and everything that is called as a function and not as one of these modules: nothing
"""

from typing import Literal, get_args

from ..errors import BadInput
from ..graph import Graph, Node
from ..graph.kinds import kind_of

Convention = Literal["conv_linear", "thop_2020"]
CONVENTIONS: tuple[Convention, ...] = get_args(Convention)


def count_macs(graph: Graph, convention: Convention = "conv_linear") -> int:
    """MACs of one picture.

    Raises:
        BadInput: no convention has that name.
    """
    return sum(node_macs(graph, node, convention) for node in graph)


def node_macs(graph: Graph, node: Node, convention: Convention = "conv_linear") -> int:
    """MACs of one operator for one picture."""
    if convention not in CONVENTIONS:
        raise BadInput(f"no MAC convention is called {convention!r}; there are: {', '.join(CONVENTIONS)}")
    kind = kind_of(node.kind)
    if convention == "conv_linear":
        return kind.macs(graph, node)
    count = kind.thop.get(node.module_type.rstrip("123d"))
    return count(graph, node) if count else 0


def effective_macs(graph: Graph, node: Node) -> int:
    """`conv_linear` MACs of an operator that are left when weights of value zero are skipped.

    Every weight is used once per output position, so the share of non-zero weights is the share that is left.
    """
    macs = node_macs(graph, node)
    return macs if node.weight is None or not macs else macs * node.weight.nonzero // node.weight.numel
