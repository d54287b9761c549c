"""The figures and pictures of the page "What a convolution costs", from the traced networks.

`python docs/refresh.py` puts them in place. Every number is of a real layer of MicroBotNet ×0.32 on 3×32×32 pictures
(Fire: of the notes' SqueezeNet, since MicroBotNet has none).
"""

from dataclasses import replace
from functools import cache
from math import prod

import numpy as np

from ..cost.describe import explain
from ..cost.macs import node_macs
from ..cost.profile import Profile
from ..graph import Graph, Node
from ..graph.graph import times
from .colouring import by_macs
from .curves import Curve, draw_curves
from .kernels import draw_kernel
from .network import draw_network
from .profiled import untrained

STANDARD, POINTWISE, DEPTHWISE, PROJECT = ("features.0.0", *(f"features.1.conv.{i}" for i in (0, 3, 7)))
BLOCK, FIRE = "features.3", "features.4"
EXPAND, SPATIAL, EXCITE, REDUCE = (f"{BLOCK}.conv.{i}" for i in (0, 3, 5, 7))


@cache
def microbotnet() -> Profile:
    """MicroBotNet ×0.32, the network that the page is about."""
    return untrained("microbotnet", width=0.32).profile


@cache
def squeezenet() -> Profile:
    """The notes' SqueezeNet."""
    return untrained("squeezenet-cifar").profile


def figures() -> dict[str, str]:
    """The computed lines of the page, in Markdown, by the name of their marker."""
    graph = microbotnet().graph
    return {
        "standard": _layer(STANDARD),
        "depthwise": _layer(DEPTHWISE),
        "pointwise": _layer(POINTWISE),
        "separable": _separable(graph),
        "fire": _fire(squeezenet().graph),
        "inverted-residual": _inverted_residual(),
        "squeeze-excite": _squeeze_excite(graph),
        "h-swish": _swish(graph),
        "relu6": _relu6(graph),
    }


def pictures() -> dict[str, str]:
    """The page's drawings, SVG by file name."""
    graph = microbotnet().graph
    block, gate = (_cut(graph, path) for path in (BLOCK, EXCITE))
    fire = _cut(squeezenet().graph, FIRE)
    return {
        "standard.svg": draw_kernel(graph, graph[STANDARD]),
        "depthwise.svg": draw_kernel(graph, graph[DEPTHWISE]),
        "pointwise.svg": draw_kernel(graph, graph[POINTWISE]),
        "fire.svg": draw_network(fire, by_macs(squeezenet()), f"Fire: {FIRE} of squeezenet-cifar"),
        "inverted-residual.svg": draw_network(block, by_macs(microbotnet()), f"Inverted residual: {BLOCK}"),
        "squeeze-excite.svg": draw_network(gate, by_macs(microbotnet()), f"Squeeze-and-excite: {EXCITE}"),
        "h-swish.svg": draw_curves([Curve("swish", swish), Curve("h-swish", h_swish)], "swish and h-swish", (-6, 6)),
        "relu6.svg": draw_curves(
            [Curve("ReLU", relu), Curve("ReLU6", relu6), Curve("h-sigmoid × 6", lambda x: 6 * h_sigmoid(x))],
            "ReLU, ReLU6 and what h-sigmoid makes of it",
            (-5, 9),
        ),
    }


Array = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


def relu(x: Array) -> Array:
    """max(x, 0)."""
    return np.maximum(x, 0)


def relu6(x: Array) -> Array:
    """min(max(x, 0), 6)."""
    return np.clip(x, 0, 6)


def h_sigmoid(x: Array) -> Array:
    """ReLU6(x + 3) / 6."""
    return relu6(x + 3) / 6


def h_swish(x: Array) -> Array:
    """x · h-sigmoid(x)."""
    return x * h_sigmoid(x)


def swish(x: Array) -> Array:
    """x · sigmoid(x)."""
    return np.asarray(x / (1 + np.exp(-x)))


def _layer(name: str) -> str:
    costs = microbotnet()
    node = costs.graph[name]
    before = costs.graph[node.inputs[0]].shape
    lines = [f"`{name}`, {times(before)} → {times(node.shape)}:", "```", *explain(costs.graph, node)[1:], "```"]
    return "\n".join([*lines, _energy(costs, name)]) + "\n"


def _energy(costs: Profile, *names: str) -> str:
    found = [layer for layer in costs.layers if layer.step.name in names]
    parts = {part: sum(layer.energy_pj[part] for layer in found) / 1000 for part in found[0].energy_pj}
    words = ", ".join(f"{part} {value:,.1f}" for part, value in parts.items())
    return f"Energy, modelled ({costs.energy.preset.name}, int8): {sum(parts.values()):,.1f} nJ ({words})."


def _separable(graph: Graph) -> str:
    depthwise, project = graph[DEPTHWISE], graph[PROJECT]
    size, kernel = depthwise.shape[1], depthwise.kernel[0]
    m, n = depthwise.shape[0], project.shape[0]
    apart = node_macs(graph, depthwise) + node_macs(graph, project)
    standard = size**2 * m * kernel**2 * n
    return (
        f"`{DEPTHWISE}` and `{PROJECT}`: D_G = {size}, M = {m}, D_K = {kernel}, N = {n}:\n```\n"
        f"separable  {size}² × {m} × ({kernel}² + {n}) = {apart:,} MACs\n"
        f"standard   {size}² × {m} × {kernel}² × {n} = {standard:,} MACs, {standard / apart:.1f} times as many\n```\n"
    )


def _fire(graph: Graph) -> str:
    convs = [node for node in graph if node.kind == "conv" and node.module.startswith(FIRE + ".")]
    before, after = graph[_cut_input(graph, FIRE)].shape, _last(graph, FIRE).shape
    macs = [node_macs(graph, node) for node in convs]
    plain = prod(after) * before[0] * 9
    lines = [f"`{FIRE}` of squeezenet-cifar, {times(before)} → {times(after)}:", "```"]
    for node, count in zip(convs, macs, strict=True):
        words = f"{node.module.removeprefix(FIRE + '.').partition('.')[0]:<10} {times(node.kernel)}, "
        lines.append(f"{words}{node.in_channels:>3} → {node.out_channels:<3} {count:>11,} MACs")
    lines += [
        f"{'Fire':<24} {sum(macs):>11,} MACs",
        f"{'a plain 3×3 instead':<24} {plain:>11,} MACs, {plain / sum(macs):.1f} times as many",
        "```",
    ]
    return "\n".join(lines) + "\n"


def _inverted_residual() -> str:
    costs = microbotnet()
    layers = [layer for layer in costs.layers if layer.step.name.startswith(f"{BLOCK}.")]
    macs = {layer.step.name: layer.macs["conv_linear"] for layer in layers}
    rows = {
        "expand": macs[EXPAND],
        "depthwise": macs[SPATIAL],
        "squeeze-and-excite": sum(count for name, count in macs.items() if name.startswith(f"{EXCITE}.")),
        "project": macs[REDUCE],
        "the block": sum(macs.values()),
    }
    lines = [f"`{BLOCK}`:", "```", *(f"{word:<20} {count:>8,} MACs" for word, count in rows.items()), "```"]
    expand, spatial, reduce = (costs.graph[name] for name in (EXPAND, SPATIAL, REDUCE))
    standard = spatial.numel * spatial.shape[0] * prod(spatial.kernel)
    lines.append(
        f"It goes from {expand.in_channels} channels to {expand.out_channels} and back to {reduce.out_channels}; a "
        f"standard convolution on the {expand.out_channels} channels would alone take {standard:,} MACs. "
        + _energy(costs, *macs)
    )
    return "\n".join(lines) + "\n"


def _squeeze_excite(graph: Graph) -> str:
    gate = next(gate for gate in graph.gates if gate.mul.startswith(EXCITE))
    start = graph[gate.start]
    linears = [graph[name] for name in gate.branch if graph[name].kind == "linear"]
    macs = sum(node_macs(graph, node) for node in linears)
    parameters = sum(node.weight.numel for node in linears if node.weight)
    depthwise = graph[SPATIAL]
    weights = depthwise.weight.numel if depthwise.weight else 0
    return (
        f"`{EXCITE}` on {times(start.shape)}:\n```\n"
        f"squeeze   {start.numel:,} additions to {start.shape[0]} averages\n"
        f"excite    {' + '.join(f'{n.in_channels} × {n.shape[0]}' for n in linears)} = {macs:,} MACs\n"
        f"scale     {start.numel:,} multiplications\n"
        f"weights   {parameters:,}, against {weights:,} of the depthwise convolution that it follows\n```\n"
        f"Few MACs but many weights, each used once a picture. "
        f"{_energy(microbotnet(), *(n for n in gate.branch if n in _steps()), gate.mul)}\n"
    )


def _steps() -> set[str]:
    return {layer.step.name for layer in microbotnet().layers}


def _swish(graph: Graph) -> str:
    nodes = [node for node in graph if node.kind == "hardswish"]
    x = np.linspace(-10, 10, 200_001)
    apart = np.abs(swish(x) - h_swish(x))
    return (
        f"MicroBotNet ×0.32 has {len(nodes)} h-swish layers over {sum(node.numel for node in nodes):,} values a "
        f"picture: as many additions and multiplications, and no exponential. The two curves are never more than "
        f"{apart.max():.3f} apart (at x = ±{abs(x[apart.argmax()]):.1f}).\n"
    )


def _relu6(graph: Graph) -> str:
    kinds = {kind: [node for node in graph if node.kind == kind] for kind in ("relu", "hardsigmoid", "hardswish")}
    values = {kind: sum(node.numel for node in nodes) for kind, nodes in kinds.items()}
    return (
        f"An 8-bit value between 0 and 6 has steps of 6 / 255 = {6 / 255:.4f}. In MicroBotNet ×0.32 ReLU6 works inside "
        f"{len(kinds['hardswish'])} h-swish and {len(kinds['hardsigmoid'])} h-sigmoid layers "
        f"({values['hardswish']:,} and {values['hardsigmoid']:,} values a picture); its first bottleneck and the "
        f"squeeze-and-excites use plain ReLU ({len(kinds['relu'])} layers, {values['relu']:,} values).\n"
    )


def _inside(graph: Graph, path: str) -> list[Node]:
    return [node for node in graph if node.module == path or node.module.startswith(path + ".")]


def _last(graph: Graph, path: str) -> Node:
    return _inside(graph, path)[-1]


def _cut_input(graph: Graph, path: str) -> str:
    names = {node.name for node in _inside(graph, path)}
    return next(name for node in _inside(graph, path) for name in node.inputs if name not in names)


def _cut(graph: Graph, path: str) -> Graph:
    """The part of a graph that one module ran, with what enters it as its picture."""
    entering = graph[_cut_input(graph, path)]
    nodes = [Node("input", "input", (), entering.shape)]
    for node in _inside(graph, path):
        inputs = tuple("input" if name == entering.name else name for name in node.inputs)
        nodes.append(replace(node, inputs=inputs, module=node.module.removeprefix(path).lstrip(".")))
    return Graph(tuple(nodes), ("input",), (nodes[-1].name,))
