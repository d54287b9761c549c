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

from collections.abc import Callable
from math import prod
from typing import Literal, get_args

from ..errors import BadInput
from ..graph import Graph, Node

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
    if convention == "conv_linear":
        return _conv_linear(graph, node)
    count = _THOP.get((node.kind, node.module_type.rstrip("123d")))
    return count(graph, node) if count else 0


def effective_macs(graph: Graph, node: Node) -> int:
    """`conv_linear` MACs of an operator that are left when weights of value zero are skipped.

    Every weight is used once per output position, so the share of non-zero weights is the share that is left.
    """
    macs = _conv_linear(graph, node)
    return macs if node.weight is None or not macs else macs * node.weight.nonzero // node.weight.numel


def _conv_linear(graph: Graph, node: Node) -> int:
    if node.kind in ("conv", "depthwise_conv"):
        return node.numel * (node.in_channels // node.groups) * prod(node.kernel)
    if node.kind == "conv_transpose":  # each input element is spread over a kernel
        return graph[node.inputs[0]].numel * (node.out_channels // node.groups) * prod(node.kernel)
    if node.kind in ("linear", "matmul"):
        return node.numel * node.in_channels
    return 0


def _thop_conv(graph: Graph, node: Node) -> int:
    # The old counter reads the module's in_channels also for a transposed convolution.
    return node.numel * (node.in_channels // node.groups * prod(node.kernel) + (node.bias is not None))


def _thop_linear(graph: Graph, node: Node) -> int:
    return node.numel * (2 * node.in_channels - 1 + (node.bias is not None))


# By the operator and the class of the module that ran it (without 1d, 2d, 3d).
_THOP: dict[tuple[str, str], Callable[[Graph, Node], int]] = {
    ("conv", "Conv"): _thop_conv,
    ("depthwise_conv", "Conv"): _thop_conv,
    ("conv_transpose", "ConvTranspose"): _thop_conv,
    ("linear", "Linear"): _thop_linear,
    ("batch_norm", "BatchNorm"): lambda graph, node: 2 * node.numel,
    ("avg_pool", "AvgPool"): lambda graph, node: node.numel,
    ("avg_pool", "AdaptiveAvgPool"): lambda graph, node: node.numel * (prod(node.kernel) + 1),
    ("leaky_relu", "LeakyReLU"): lambda graph, node: node.numel,
}
