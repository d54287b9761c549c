"""Layers with weights: convolutions, linear layers, matrix products."""

from collections.abc import Sequence
from math import prod
from typing import Any

from .. import shapes
from ..graph import Graph, Node, Shape, times
from .kind import Called, Description, Kind, before
from .numbers import each_axis, one


def _convolution(called: Called) -> Description:
    named, axes = called.named, called.axes
    weight, dilation, padding = named["weight"], each_axis(named["dilation"], axes), named["padding"]
    kernel = tuple(weight.shape[2:])
    if padding == "same":
        padding = [gap * (k - 1) // 2 for gap, k in zip(dilation, kernel, strict=True)]
    channels = called.given[0].shape[1]
    fields = {
        "kernel": kernel,
        "stride": each_axis(named["stride"], axes),
        "padding": each_axis(0 if padding == "valid" else padding, axes),
        "dilation": dilation,
        "groups": named["groups"],
        "in_channels": channels,
    }
    return Description(fields, {"weight": weight, "bias": named["bias"]})


def _one_or_depthwise(called: Called) -> Description:
    found = _convolution(called)
    depthwise = found.fields["groups"] == found.fields["in_channels"] > 1
    return Description(found.fields, found.roles, "depthwise_conv" if depthwise else "conv")


def _linear(called: Called) -> Description:
    named = called.named
    return Description({"in_channels": called.given[0].shape[-1]}, {"weight": named["weight"], "bias": named["bias"]})


def _product(called: Called) -> Description:
    """A matrix product; one by a constant matrix is a linear layer."""
    named = called.named
    bias = named["self"] if "mat1" in named else None
    left = named["mat1"] if "mat1" in named else named["self"]
    right = named["other"] if "other" in named else named["mat2"]
    fields = {"in_channels": left.shape[-1]}
    constant = [factor for factor in (left, right) if not any(factor is tensor for tensor in called.given)]
    if not constant:
        return Description(fields, kind="matmul")
    return Description(fields, {"weight": constant[0], "bias": bias}, "linear")


def _recurrent(called: Called) -> Description:
    """Its kernels and biases, one after the other."""
    params = called.named.get("params", ())
    return Description({}, {f"weight_{i}": tensor for i, tensor in enumerate(params)})


def _recurrent_macs(graph: Graph, node: Node) -> int:
    """Every kernel is used once for each time step."""
    steps = before(graph, node)[0]
    return steps * sum(p.numel for p in node.parameters if len(p.shape) > 1)


def _conv_macs(graph: Graph, node: Node) -> int:
    return node.numel * (node.in_channels // node.groups) * prod(node.kernel)


def _spread_macs(graph: Graph, node: Node) -> int:
    """Each input element is spread over a kernel."""
    return graph[node.inputs[0]].numel * (node.out_channels // node.groups) * prod(node.kernel)


def _product_macs(graph: Graph, node: Node) -> int:
    return node.numel * node.in_channels


def _thop_conv(graph: Graph, node: Node) -> int:
    # The old counter reads the module's in_channels also for a transposed convolution.
    return node.numel * (node.in_channels // node.groups * prod(node.kernel) + (node.bias is not None))


def _thop_linear(graph: Graph, node: Node) -> int:
    return node.numel * (2 * node.in_channels - 1 + (node.bias is not None))


def _conv_signature(node: Node) -> str:
    parts = [str(node.in_channels), str(node.out_channels), times(node.kernel)]
    parts += [f"stride {one(node.stride)}"] if max(node.stride) > 1 else []
    parts += [f"groups {node.groups}"] if node.groups > 1 else []
    parts += ["bias"] if node.bias else []
    return f"Conv{'Transpose' if node.kind == 'conv_transpose' else ''}{len(node.kernel)}d({', '.join(parts)})"


def _strides(graph: Graph, node: Node) -> str:
    size = f"{times(before(graph, node)[1:])} to {times(node.shape[1:])}"
    return f" Stride {one(node.stride)} takes the picture from {size}." if max(node.stride) > 1 else ""


def _conv_does(graph: Graph, node: Node) -> str:
    inputs = node.in_channels // node.groups
    if prod(node.kernel) == 1:
        what = (
            f"Pointwise convolution: at each pixel, every one of the {node.out_channels} outputs is a weighted sum "
            f"of the {inputs} input channels; no neighbours are read."
        )
    else:
        per = "of each group's" if node.groups > 1 else "in all"
        what = (
            f"Standard convolution: each of the {node.out_channels} filters looks at {times(node.kernel)} pixels {per} "
            f"{inputs} input channels."
        )
    return what + _strides(graph, node)


def _depthwise_does(graph: Graph, node: Node) -> str:
    return (
        f"Depthwise convolution: each of the {node.in_channels} channels has a {times(node.kernel)} filter of its own, "
        f"and channels do not mix.{_strides(graph, node)}"
    )


def _spread_does(graph: Graph, node: Node) -> str:
    size = f"{times(before(graph, node)[1:])} to {times(node.shape[1:])}"
    return f"Transposed convolution: each input value is spread over {times(node.kernel)} outputs, from {size}."


def _linear_does(graph: Graph, node: Node) -> str:
    role, outputs = "", node.shape[-1]
    if graph.gate_of(node):
        role = "Inside squeeze-and-excite: " + ("squeezes" if outputs < node.in_channels else "restores")
        role += f" {node.in_channels} channel averages to {outputs}. "
    return f"{role}Linear: each of the {outputs} outputs is a weighted sum of all {node.in_channels} inputs."


def _product_does(graph: Graph, node: Node) -> str:
    return f"Matrix product of two computed tensors over {node.in_channels} inner elements."


def _conv_formula(graph: Graph, node: Node) -> tuple[str, ...]:
    inputs, macs = node.in_channels // node.groups, _conv_macs(graph, node)
    line = (
        f"MACs = outputs × inputs a filter × kernel = ({_spaced(node.shape)}) × {inputs} × ({_spaced(node.kernel)}) "
        f"= {node.numel:,} × {inputs * prod(node.kernel):,} = {macs:,}"
    )
    if node.kind != "depthwise_conv":
        return (line,)
    full = f"A standard convolution of this shape would cost {node.groups} times that: {macs * node.groups:,}"
    return line, full


def _spread_formula(graph: Graph, node: Node) -> tuple[str, ...]:
    return (
        f"MACs = inputs × outputs a group × kernel = {graph[node.inputs[0]].numel:,} × "
        f"{node.out_channels // node.groups} × ({_spaced(node.kernel)}) = {_spread_macs(graph, node):,}",
    )


def _product_formula(graph: Graph, node: Node) -> tuple[str, ...]:
    return (f"MACs = outputs × inputs = {node.numel:,} × {node.in_channels:,} = {_product_macs(graph, node):,}",)


def _thop_conv_formula(node: Node) -> str:
    return "outputs × (inputs a filter × kernel + 1 for the bias)"


def _thop_linear_formula(node: Node) -> str:
    bias = " + 1 for the bias" if node.bias else ""
    terms = f"{node.numel:,} × (2 × {node.in_channels:,} − 1{' + 1' if node.bias else ''})"
    return f"outputs × (multiplies and adds: 2 × inputs − 1{bias}) = {terms}"


def _spaced(sizes: Sequence[Any] | Shape) -> str:
    return " × ".join(map(str, sizes))


CONV = Kind(
    "conv",
    aten={"conv1d": None, "conv2d": shapes.conv2d, "conv3d": None},
    describe=_one_or_depthwise,
    macs=_conv_macs,
    thop={"Conv": _thop_conv},
    weighted=True,
    signature=_conv_signature,
    what=_conv_does,
    formula=_conv_formula,
    thop_formula=_thop_conv_formula,
    heavy=True,
    sums=True,
    convolves=True,
    wide=True,
)
KINDS = (
    CONV,
    Kind(
        "depthwise_conv",  # a conv with as many groups as channels
        macs=_conv_macs,
        thop={"Conv": _thop_conv},
        weighted=True,
        short="depthwise",
        signature=_conv_signature,
        what=_depthwise_does,
        formula=_conv_formula,
        thop_formula=_thop_conv_formula,
        heavy=True,
        sums=True,
        convolves=True,
        wide=True,
    ),
    Kind(
        "conv_transpose",
        aten={"conv_transpose1d": None, "conv_transpose2d": None, "conv_transpose3d": None},
        describe=_convolution,
        macs=_spread_macs,
        thop={"ConvTranspose": _thop_conv},
        weighted=True,
        short="transposed conv",
        signature=_conv_signature,
        what=_spread_does,
        formula=_spread_formula,
        thop_formula=_thop_conv_formula,
        heavy=True,
        sums=True,
        convolves=True,
    ),
    Kind(
        "linear",
        aten={"linear": shapes.linear},
        describe=_linear,
        macs=_product_macs,
        thop={"Linear": _thop_linear},
        weighted=True,
        signature=lambda node: f"Linear({node.in_channels}, {node.shape[-1]}{', bias' if node.bias else ''})",
        what=_linear_does,
        formula=_product_formula,
        thop_formula=_thop_linear_formula,
        heavy=True,
        sums=True,
        convolves=True,
        wide=True,
    ),
    Kind(
        "matmul",
        aten=dict.fromkeys(("matmul", "mm", "bmm", "addmm")),
        describe=_product,
        macs=_product_macs,
        weighted=True,
        what=_product_does,
        formula=_product_formula,
        heavy=True,
        instead="use convolutions or linear layers, whose factors are constants, in place of attention",
    ),
    Kind(
        "recurrent",
        aten=dict.fromkeys(("lstm", "gru", "rnn_tanh", "rnn_relu")),
        describe=_recurrent,
        macs=_recurrent_macs,
        what=lambda graph, node: (
            f"Recurrent layer: {before(graph, node)[0]} steps, each a weighted sum of its input and of its last state."
        ),
        heavy=True,
        instead="use convolutions along the time, or run one step's layers for each frame",
    ),
    Kind(
        "embedding",
        aten={"embedding": None},
        what=lambda graph, node: f"Embedding: a row of a table for each number, {times(node.shape)} values.",
        instead="look the rows up before the network and feed them to it as features",
    ),
)
