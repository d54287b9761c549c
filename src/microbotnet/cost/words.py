"""Operators in words: their short form in a table, their line in the style of torch, and what they do and cost."""

from math import prod

from ..graph import Graph, Node
from ..graph.steps import Step
from ..pictures import picture_size
from .macs import node_macs

SHORT = {
    "conv_transpose": "transposed conv",
    "depthwise_conv": "depthwise",
    "batch_norm": "BN",
    "relu": "ReLU",
    "relu6": "ReLU6",
    "hardswish": "h-swish",
    "hardsigmoid": "h-sigmoid",
    "silu": "swish",
    "avg_pool": "average pool",
    "max_pool": "max pool",
}


def times(sizes: tuple[int, ...]) -> str:
    """3×32×32."""
    return "×".join(map(str, sizes))


def pixels(shape: tuple[int, ...]) -> str:
    """32×32 for a square RGB picture, else the whole shape."""
    return times(shape[1:] if picture_size(shape) else shape)


def short(step: Step) -> str:
    """A step for a table: 'depthwise 5×5 /2, BN, h-swish'."""
    return ", ".join([_short(step.head), *(SHORT.get(node.kind, node.kind) for node in step.nodes[1:])])


def _short(node: Node) -> str:
    words = SHORT.get(node.kind, node.kind)
    if node.kind.endswith("_pool") and prod(node.shape[1:]) == 1 and node.kernel:
        return f"global {words}"
    if node.kernel:
        words += f" {times(node.kernel)}"
        words += f" /{_one(node.stride)}" if max(node.stride) > 1 else ""
    if node.groups > 1 and node.kind == "conv":
        words += f" in {node.groups} groups"
    return words


def signature(node: Node) -> str:
    """An operator the way its module is written: Conv2d(3, 8, 3×3, stride 2)."""
    axes = len(node.kernel)
    if node.kind in ("conv", "depthwise_conv", "conv_transpose"):
        parts = [str(node.in_channels), str(node.out_channels), times(node.kernel)]
        parts += [f"stride {_one(node.stride)}"] if max(node.stride) > 1 else []
        parts += [f"groups {node.groups}"] if node.groups > 1 else []
        parts += ["bias"] if node.bias else []
        return f"Conv{'Transpose' if node.kind == 'conv_transpose' else ''}{axes}d({', '.join(parts)})"
    if node.kind == "linear":
        return f"Linear({node.in_channels}, {node.shape[-1]}{', bias' if node.bias else ''})"
    if node.kind == "batch_norm":
        return f"BatchNorm{max(len(node.shape) - 1, 1)}d({node.out_channels})"
    if node.kernel:
        name = "AvgPool" if node.kind == "avg_pool" else "MaxPool"
        return f"{name}{axes}d({times(node.kernel)}, stride {_one(node.stride)})"
    names = {"relu": "ReLU()", "relu6": "ReLU6()", "hardswish": "Hardswish()", "hardsigmoid": "Hardsigmoid()"}
    return names.get(node.kind, node.kind)


def explain(graph: Graph, node: Node) -> list[str]:
    """What an operator does, in a sentence or two, and then its cost: the formula with its numbers filled in."""
    before = graph[node.inputs[0]].shape if node.inputs else node.shape
    what = _what(graph, node, before)
    return [what, *_cost(graph, node)]


def _what(graph: Graph, node: Node, before: tuple[int, ...]) -> str:
    gate = next((gate for gate in graph.gates if node.name == gate.mul or node.name in gate.branch), None)
    residual = next((residual for residual in graph.residuals if node.name == residual.add), None)
    kernel, size = times(node.kernel), f"{times(before[1:])} to {times(node.shape[1:])}"
    moves = f"Stride {_one(node.stride)} takes the picture from {size}." if node.stride and max(node.stride) > 1 else ""
    match node.kind:
        case "input":
            return f"The picture: {times(node.shape)} values."
        case "depthwise_conv":
            return (
                f"Depthwise convolution: each of the {node.in_channels} channels has a {kernel} filter of its own, and "
                f"channels do not mix. {moves}".rstrip()
            )
        case "conv" if prod(node.kernel) == 1:
            return (
                f"Pointwise convolution: at each pixel, every one of the {node.out_channels} outputs is a weighted sum "
                f"of the {node.in_channels // node.groups} input channels; no neighbours are read. {moves}".rstrip()
            )
        case "conv":
            per = "of each group's" if node.groups > 1 else "in all"
            return (
                f"Standard convolution: each of the {node.out_channels} filters looks at {kernel} pixels {per} "
                f"{node.in_channels // node.groups} input channels. {moves}".rstrip()
            )
        case "conv_transpose":
            return f"Transposed convolution: each input value is spread over {kernel} outputs, from {size}."
        case "linear":
            role, outputs = "", node.shape[-1]
            if gate:
                role = "Inside squeeze-and-excite: " + ("squeezes" if outputs < node.in_channels else "restores")
                role += f" {node.in_channels} channel averages to {outputs}. "
            return f"{role}Linear: each of the {outputs} outputs is a weighted sum of all {node.in_channels} inputs."
        case "matmul":
            return f"Matrix product of two computed tensors over {node.in_channels} inner elements."
        case "batch_norm":
            return (
                "Batch norm: after training a fixed scale and shift per channel; "
                "on a chip it folds into the layer with weights before it and then costs nothing."
            )
        case "relu":
            return "ReLU: max(x, 0)."
        case "relu6":
            return "ReLU6: min(max(x, 0), 6); the bound keeps 8-bit values precise."
        case "hardswish":
            return (
                "h-swish: x · ReLU6(x + 3) / 6, swish (x · sigmoid(x)) without the exponential; "
                "an add, a clamp and a multiply."
            )
        case "hardsigmoid":
            use = " Its output is the gate of squeeze-and-excite, one number a channel." if gate else ""
            return f"h-sigmoid: ReLU6(x + 3) / 6, sigmoid without the exponential.{use}"
        case "sign":
            return "Sign: −1 or +1, so that the next layer multiplies by XNOR; behind a batch norm it is a threshold."
        case "avg_pool":
            start = "The squeeze of squeeze-and-excite: t" if gate else "Average pool: t"
            return f"{start}he average of each {kernel} window, channel by channel, {size}."
        case "max_pool":
            return f"Max pool: the largest of each {kernel} window, channel by channel, {size}."
        case "mul" if gate:
            return f"The excite of squeeze-and-excite: each of the {node.out_channels} channels times its gate."
        case "add" if residual:
            return f"Shortcut: adds what came out of {residual.start} to what was computed from it since."
        case "compare":
            return f"Compares each of {node.numel:,} elements with a threshold."
        case "where":
            return "Chooses between two values for each element; after a comparison with 0 that is its sign, −1 or +1."
        case "concat":
            return f"Concatenation of {len(node.inputs)} tensors along the channels. Nothing is computed."
        case "flatten" | "reshape" | "slice" | "transpose":
            return f"Rearranges {times(before)} to {times(node.shape)}. Nothing is computed."
    if not node.known:
        return f"An operator that the counts do not know ({node.source}); its operations are missing from every total."
    return f"{node.kind} on each of {node.numel:,} elements."


def _cost(graph: Graph, node: Node) -> list[str]:
    lines = []
    macs = node_macs(graph, node)
    thop = node_macs(graph, node, "thop_2020")
    shape = " × ".join(map(str, node.shape))
    kernel = " × ".join(map(str, node.kernel))
    if node.kind in ("conv", "depthwise_conv"):
        inputs = node.in_channels // node.groups
        lines.append(
            f"MACs = outputs × inputs a filter × kernel = ({shape}) × {inputs} × ({kernel}) "
            f"= {node.numel:,} × {inputs * prod(node.kernel):,} = {macs:,}"
        )
        if node.kind == "depthwise_conv":
            lines.append(
                f"A standard convolution of this shape would cost {node.groups} times that: {macs * node.groups:,}"
            )
    elif node.kind == "conv_transpose":
        before = graph[node.inputs[0]]
        lines.append(
            f"MACs = inputs × outputs a group × kernel = {before.numel:,} × {node.out_channels // node.groups} "
            f"× ({kernel}) = {macs:,}"
        )
    elif node.kind in ("linear", "matmul"):
        lines.append(f"MACs = outputs × inputs = {node.numel:,} × {node.in_channels:,} = {macs:,}")
    if thop != macs:
        lines.append(f"MACs in thop_2020 = {_thop(graph, node, thop)}")
    for parameter in node.parameters:
        factors = " × ".join(map(str, parameter.shape)) or "1"
        total = f" = {parameter.numel:,}" if len(parameter.shape) > 1 else ""
        lines.append(f"Parameters, {parameter.role}: {factors}{total}")
    return lines


def _thop(graph: Graph, node: Node, total: int) -> str:
    match node.kind:
        case "batch_norm":
            return f"2 × elements = 2 × {node.numel:,} = {total:,}"
        case "linear" if total:
            bias = " + 1 for the bias" if node.bias else ""
            terms = f"{node.numel:,} × (2 × {node.in_channels:,} − 1{' + 1' if node.bias else ''})"
            return f"outputs × (multiplies and adds: 2 × inputs − 1{bias}) = {terms} = {total:,}"
        case "avg_pool" if node.module_type.startswith("Adaptive"):
            kernel = " × ".join(map(str, node.kernel))
            return f"outputs × (kernel + 1) = {node.numel:,} × ({kernel} + 1) = {total:,}"
        case "conv" | "depthwise_conv" | "conv_transpose" if total:
            return f"outputs × (inputs a filter × kernel + 1 for the bias) = {total:,}"
    return f"{total:,}"


def _one(sizes: tuple[int, ...]) -> str:
    """One number where all axes agree."""
    return str(sizes[0]) if len(set(sizes)) == 1 else times(sizes)
