"""Pools: the average or the largest of each window."""

from collections.abc import Callable
from math import prod
from typing import Any

from .. import shapes
from ..graph import Graph, Node, Shape, times
from .kind import Called, Description, Kind, Operations, before
from .numbers import each_axis, one


def _pool(called: Called) -> Description:
    named, before_, after = called.named, called.given[0].shape[2:], called.made.shape[2:]
    if "kernel_size" not in named:  # adaptive
        return Description(_window(tuple(a // b for a, b in zip(before_, after, strict=True))))
    kernel = each_axis(named["kernel_size"], called.axes)
    stride = each_axis(named["stride"], called.axes) if named["stride"] else kernel
    return Description(_window(kernel) | {"stride": stride, "padding": each_axis(named["padding"], called.axes)})


def reduced(named: dict[str, Any], rank: int) -> tuple[int, ...]:
    """The axes that a reduction is over, the batch's, 0, left out."""
    axes = named.get("dim")
    axes = range(rank) if axes is None or axes == [] else [axes] if isinstance(axes, int) else axes
    return tuple(sorted({int(axis) % rank for axis in axes} - {0}))


def _reduction(pool: str = "") -> Callable[[Called], Description]:
    """Over rows or columns of a picture it is a pool."""

    def describe(called: Called) -> Description:
        shape = tuple(called.given[0].shape)
        over = reduced(called.named, len(shape))
        if pool and called.axes in (1, 2) and over and min(over) >= 2:
            return Description(_window(tuple(n if i in over else 1 for i, n in enumerate(shape))[2:]), kind=pool)
        return Description(_window((prod(shape[i] for i in over),)) | {"stride": (1,)})

    return describe


def _window(kernel: Shape) -> dict[str, Any]:
    return {"kernel": kernel, "stride": kernel, "padding": (0,) * len(kernel)}


def _additions(node: Node) -> Operations:
    return node.numel * prod(node.kernel), 0


def _signature(node: Node) -> str:
    name = "AvgPool" if node.kind == "avg_pool" else "MaxPool"
    return f"{name}{len(node.kernel)}d({times(node.kernel)}, stride {one(node.stride)})"


def _average(graph: Graph, node: Node) -> str:
    start = "The squeeze of squeeze-and-excite: t" if graph.gate_of(node) else "Average pool: t"
    return f"{start}he average of each {times(node.kernel)} window, channel by channel, {_sizes(graph, node)}."


def _largest(graph: Graph, node: Node) -> str:
    return f"Max pool: the largest of each {times(node.kernel)} window, channel by channel, {_sizes(graph, node)}."


def _sizes(graph: Graph, node: Node) -> str:
    return f"{times(before(graph, node)[1:])} to {times(node.shape[1:])}"


def _reduced(word: str) -> Callable[[Graph, Node], str]:
    def what(graph: Graph, node: Node) -> str:
        size = f"{times(before(graph, node))} to {times(node.shape) or 'one value'}"
        return f"The {word} of every {prod(node.kernel)} values, {size}."

    return what


def _thop_formula(node: Node) -> str:
    if not node.module_type.startswith("Adaptive"):
        return ""
    return f"outputs × (kernel + 1) = {node.numel:,} × ({' × '.join(map(str, node.kernel))} + 1)"


def _names(which: str, *known: str) -> dict[str, Any]:
    names = [f"{how}{which}_pool{axes}d" for how in ("", "adaptive_") for axes in (1, 2, 3)]
    rules = {f"{which}_pool2d": shapes.pool2d, f"adaptive_{which}_pool2d": shapes.adaptive}
    names += [f"max_pool{axes}d_with_indices" for axes in (2, 3)] if which == "max" else []
    return {name: rules[name] if name in known else None for name in names}


KINDS = (
    Kind(
        "avg_pool",
        aten=_names("avg", "avg_pool2d", "adaptive_avg_pool2d"),
        describe=_pool,
        thop={
            "AvgPool": lambda graph, node: node.numel,
            "AdaptiveAvgPool": lambda graph, node: node.numel * (prod(node.kernel) + 1),
        },
        operations=_additions,
        short="average pool",
        signature=_signature,
        what=_average,
        thop_formula=_thop_formula,
        heavy=True,
        sums=True,
        passes_scale=True,
        wide=True,
    ),
    Kind(
        "max_pool",
        aten=_names("max", "max_pool2d"),
        describe=_pool,
        short="max pool",
        signature=_signature,
        what=_largest,
        heavy=True,
        passes_scale=True,
        keeps=True,
    ),
    Kind(
        "mean",
        aten={"mean": None},
        describe=_reduction("avg_pool"),
        operations=_additions,
        what=_reduced("mean"),
        heavy=True,
        sums=True,
        wide=True,
    ),
    Kind(
        "sum",
        aten={"sum": None},
        describe=_reduction(),
        operations=_additions,
        what=_reduced("sum"),
        heavy=True,
        sums=True,
        wide=True,
    ),
    Kind(
        "amax",
        aten=dict.fromkeys(("amax", "max")),
        describe=_reduction("max_pool"),
        what=_reduced("largest"),
        heavy=True,
        keeps=True,
    ),
    Kind(
        "amin",
        aten=dict.fromkeys(("amin", "min")),
        describe=_reduction(),
        what=_reduced("smallest"),
        heavy=True,
        keeps=True,
    ),
    Kind("argmax", aten=dict.fromkeys(("argmax", "argmin")), instead="take it of the scores, outside of the network"),
)
