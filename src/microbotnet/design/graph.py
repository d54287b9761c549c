"""A design's graph, node for node what tracing its network gives, without torch and in a millisecond."""

from dataclasses import replace
from math import prod
from typing import Any

from ..graph import Graph, Node, Parameter
from ..graph.graph import Shape
from ..graph.kinds import kind_of
from .design import Block, Design, classifier_name

DENSITY = 0.5  # share of ternary weights that are not zero, where nothing is said


def design_graph(design: Design, *, classes: int = 10, density: float = DENSITY) -> Graph:
    """The graph of the design's network, its ternary kernels with so many values that are not zero.

    Args:
        design: any. classes: outputs.
        density: share of a ternary kernel's weights that are not zero, 0…1.
    """
    return _Grown(design, density).run(classes)


class _Grown:
    """Grows a graph, a node at a time; each method returns the name of the node whose output goes on."""

    def __init__(self, design: Design, density: float) -> None:
        self.design, self.density = design, density
        self.precision = dict(design.precisions())
        size = design.resolution
        self.nodes = {"input": Node("input", "input", (), (3, size, size))}
        self.parameters: dict[str, int] = {}

    def run(self, classes: int) -> Graph:
        stem, head = self.design.stem, self.design.head
        x = self.conv("features.0.0", "input", stem.width, stem.kernel, stem.stride)
        x = self.follow(x, "features.0", 1, stem.activation)
        index = 0
        for index, block in enumerate(self.design.blocks(), 1):
            x = self.block(f"features.{index}", x, block)
        if head.width:
            index += 1
            x = self.follow(self.conv(f"features.{index}.0", x, head.width), f"features.{index}", 1, head.activation)
        if not head.average_first:
            x = self.pool(f"features.{index + 1}", x)
        x = self.add("flatten", "flatten", (x,), (self.nodes[x].shape[0],), module="", module_type="Designed")
        if head.hidden:
            x = self.linear("classifier.0", x, head.hidden, bias=True)
            x = self.add("classifier.1", head.activation, (x,), (head.hidden,))
        x = self.linear(classifier_name(self.design), x, classes, bias=True)
        return Graph(tuple(self.nodes.values()), ("input",), (x,), self.parameters)

    def block(self, path: str, start: str, block: Block) -> str:
        x, at = start, 0
        if block.expands:
            x = self.conv(f"{path}.conv.0", x, block.expanded, groups=block.groups)
            x = self.follow(x, f"{path}.conv", 1, block.activation)
            at = 3
        x = self.conv(f"{path}.conv.{at}", x, block.expanded, block.kernel, block.stride, groups=block.expanded)
        x = self.norm(f"{path}.conv.{at + 1}", x)
        if block.squeeze_excite:
            x = self.squeeze_excite(f"{path}.conv.{at + 2}", x, block.squeezed)
        if block.shift_max:
            x = self.shift_max(f"{path}.conv.{at + 2}", x, block.squeezed)
        else:
            x = self.add(f"{path}.conv.{at + 3}", block.activation, (x,), self.nodes[x].shape)
        if block.groups > 1:
            at += 1
            x = self.add(f"{path}.conv.{at + 3}", "transpose", (x,), self.nodes[x].shape, module_type="ChannelShuffle")
        if block.average:
            x = self.pool(f"{path}.pool", x)
        x = self.conv(f"{path}.conv.{at + 4}", x, block.outputs, groups=block.groups)
        x = self.norm(f"{path}.conv.{at + 5}", x)
        if block.shortcut:
            start = self.pool(f"{path}.pool", start) if block.average else start
            shape = self.nodes[x].shape
            x = self.add(f"{path}.add", "add", (start, x), shape, module=path, module_type="Bottleneck")
        return x

    def squeeze_excite(self, path: str, x: str, squeezed: int) -> str:
        shape, where = self.nodes[x].shape, {"module": path, "module_type": "SqueezeExcite"}
        gate = self.gates(path, x, squeezed, shape[0], where)
        return self.add(f"{path}.mul", "mul", (x, gate), shape, **where)

    def shift_max(self, path: str, x: str, squeezed: int) -> str:
        shape, where = self.nodes[x].shape, {"module": path, "module_type": "ShiftMax"}
        gates = self.gates(path, x, squeezed, 2 * shape[0], where)
        own, other = (self.add(f"{path}.slice", "slice", (gates,), (shape[0], 1, 1), **where) for _ in range(2))
        own = self.add(f"{path}.mul", "mul", (x, own), shape, **where)
        shifted = self.add(f"{path}.roll", "roll", (x,), shape, **where)
        other = self.add(f"{path}.mul", "mul", (shifted, other), shape, **where)
        return self.add(f"{path}.maximum", "maximum", (own, other), shape, **where)

    def gates(self, path: str, x: str, squeezed: int, outputs: int, where: dict[str, str]) -> str:
        gate = self.pool(f"{path}.pool", x)
        gate = self.add(f"{path}.flatten", "flatten", (gate,), self.nodes[x].shape[:1], **where)
        gate = self.linear(f"{path}.fc.0", gate, squeezed)
        gate = self.add(f"{path}.fc.1", "relu", (gate,), (squeezed,))
        gate = self.linear(f"{path}.fc.2", gate, outputs)
        gate = self.add(f"{path}.fc.3", "hardsigmoid", (gate,), (outputs,))
        return self.add(f"{path}.reshape", "reshape", (gate,), (outputs, 1, 1), **where)

    def conv(self, name: str, x: str, outputs: int, kernel: int = 1, stride: int = 1, *, groups: int = 1) -> str:
        inputs, *size = self.nodes[x].shape
        shape = (outputs, *(-(-n // stride) for n in size))  # odd kernels, padded by half
        weight = self.parameter(name, "weight", (outputs, inputs // groups, kernel, kernel))
        kind = "depthwise_conv" if 1 < groups == inputs else "conv"
        return self.add(
            name, kind, (x,), shape, kernel=(kernel, kernel), stride=(stride, stride), padding=(kernel // 2,) * 2,
            dilation=(1, 1), groups=groups, in_channels=inputs, parameters=(weight,),
        )  # fmt: skip

    def follow(self, x: str, path: str, at: int, activation: str) -> str:
        """Batch norm, then the activation."""
        x = self.norm(f"{path}.{at}", x)
        return self.add(f"{path}.{at + 1}", activation, (x,), self.nodes[x].shape)

    def norm(self, name: str, x: str) -> str:
        shape = self.nodes[x].shape
        both = tuple(self.parameter(name, role, shape[:1]) for role in ("weight", "bias"))
        return self.add(name, "batch_norm", (x,), shape, parameters=both)

    def linear(self, name: str, x: str, outputs: int, *, bias: bool = False) -> str:
        inputs = self.nodes[x].shape[0]
        shapes = {"weight": (outputs, inputs)} | ({"bias": (outputs,)} if bias else {})
        both = tuple(self.parameter(name, role, shape) for role, shape in shapes.items())
        return self.add(name, "linear", (x,), (outputs,), in_channels=inputs, parameters=both)

    def pool(self, name: str, x: str) -> str:
        channels, *size = self.nodes[x].shape
        window = tuple(size)
        return self.add(
            name, "avg_pool", (x,), (channels, 1, 1), kernel=window, stride=window, padding=(0, 0),
            module_type="AdaptiveAvgPool2d",
        )  # fmt: skip

    def parameter(self, layer: str, role: str, shape: Shape) -> Parameter:
        name, count = f"{layer}.{role}", prod(shape)
        self.parameters[name] = count
        ternary = role == "weight" and self.precision.get(layer) == "ternary"
        return Parameter(name, role, shape, (name,), round(self.density * count) if ternary else count, ternary)

    def add(self, name: str, kind: str, inputs: tuple[str, ...], shape: Shape, **rest: Any) -> str:
        """A node; that of a module of torch.nn unless `module_type` says another."""
        given = {"module": name} | rest
        name = name if name not in self.nodes else f"{name}#2"  # a module called twice, as tracing names it
        node = Node(name, kind, inputs, shape, **given)
        made = node.module_type or kind_of(kind).signature(node).partition("(")[0]
        self.nodes[name] = replace(node, module_type=made)
        return name
