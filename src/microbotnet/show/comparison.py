"""Networks side by side: what we count, what others published, and the chips that were measured."""

import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

from ..cost.describe import pixels
from ..cost.energy import estimate_energy
from ..cost.memory import kernels_of
from ..cost.preset import Preset
from ..cost.silicon import SILICON, Silicon
from ..design.file import SUFFIXES as DESIGNS
from ..errors import BadInput
from ..sources import is_outside
from .profiled import ProfiledNetwork, is_trained, outside, trained, untrained

ROBOT = 32  # side of the pictures that a micro-robot sees


@dataclass(frozen=True)
class Published:
    """What a source says about a network; counts that it rounds are text."""

    source: str
    parameters: int | None = None
    macs: int | str | None = None
    macs_thop: int | None = None
    weights: str | None = None
    top1: float | None = None
    data: str | None = None

    def to_json(self) -> dict[str, Any]:
        """What is known."""
        return {key: value for key, value in vars(self).items() if value is not None}


UNKNOWN = Published("nobody")


@dataclass(frozen=True)
class Row:
    """One network of the comparison, with what was published about it at this width and size."""

    network: ProfiledNetwork
    published: Published | None = None

    @cached_property
    def two_bit_pj(self) -> float:
        """Energy in pJ if all kernels were −1 or +1 or 0 at two bits, none of them zero."""
        costs, now = self.network.profile, self.network.profile.energy
        bits = now.activation_bits
        return estimate_energy(costs.graph, now.preset, operand="ternary", density=1.0, activation_bits=bits).total

    def energy_pj(self, preset: Preset | str) -> float:
        """Energy in pJ by another preset, weights as they are stored."""
        costs = self.network.profile
        return estimate_energy(costs.graph, preset, activation_bits=costs.energy.activation_bits).total

    @property
    def cifar10_published(self) -> float | None:
        """Top-1 on CIFAR-10 in percent as others report it."""
        return self.published.top1 if self.published and self.published.data == "CIFAR-10" else None

    @property
    def cifar10(self) -> tuple[float, str] | None:
        """Top-1 on CIFAR-10 in percent and who says so, "ours" or "published"; None where nobody does."""
        if self.network.top1 is not None:
            return self.network.top1, "ours"
        return (self.cifar10_published, "published") if self.cifar10_published is not None else None

    @property
    def cifar10_integers(self) -> tuple[float, str] | None:
        """As `cifar10`; ours is that of the integer program, which is what costs the energy."""
        if self.network.top1_integers is not None:
            return self.network.top1_integers, "ours"
        return self.cifar10

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        network, costs = self.network, self.network.profile
        top1 = self.cifar10
        return {
            "name": network.name,
            "label": network.label,
            "checkpoint": network.checkpoint,
            "width": network.width,
            "input_shape": list(network.input_shape),
            "input_size": network.input_size,
            "classes": network.classes,
            "parameters": costs.parameters,
            "macs": costs.macs,
            "macs_without_zero_weights": costs.effective_macs,
            "memory": costs.memory.to_json() | {"one_bit_kernel_bytes": one_bit_bytes(network)},
            "energy_pj": {key: costs.energy.to_json()[key] for key in ("total", "arithmetic", "weights", "activations")}
            | {"two_bit_total": self.two_bit_pj, "preset": costs.energy.preset.name, "measured": False},
            "top1": {"value": top1[0], "by": top1[1], "data": "CIFAR-10"} if top1 else None,
            "top1_integers": network.top1_integers,
            "published": self.published.to_json() if self.published else None,
        }


@dataclass(frozen=True)
class Comparison:
    """All rows, and the measured chips beside them."""

    rows: tuple[Row, ...]
    preset: Preset
    silicon: tuple[Silicon, ...] = SILICON

    @property
    def small(self) -> tuple[Row, ...]:
        """The rows that see a robot's pictures."""
        return tuple(row for row in self.rows if row.network.input_size == ROBOT)

    @property
    def large(self) -> tuple[Row, ...]:
        """The others."""
        return tuple(row for row in self.rows if row.network.input_size != ROBOT)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        chips = [{**vars(chip), "measured": True} for chip in self.silicon]
        return {"preset": self.preset.name, "rows": [row.to_json() for row in self.rows], "silicon": chips}


def compare(
    nets: Sequence[str] = (),
    *,
    input_size: int | None = None,
    classes: int | None = None,
    preset: Preset | str = "horowitz-45nm",
) -> Comparison:
    """Cost networks side by side.

    Args:
        nets: names, each with a width after an @ if it is not 1 (microbotnet@0.32); shipped weights; checkpoint files.
            None at all is the whole zoo, at 32×32 pixels and 10 classes and as published, and the shipped weights.
        input_size: of all nets that are no checkpoint; None is the paper's. Of the whole zoo, those that take pictures.
        classes: the same; None is as published, else 10.
        preset: the energy model.

    Raises:
        BadInput: a name is none of these, or a width is no number.
    """
    from ..cost.preset import load_preset

    model = preset if isinstance(preset, Preset) else load_preset(preset)
    rows = (_row(net, input_size, classes, model) for net in nets) if nets else _zoo(input_size, classes, model)
    return Comparison(tuple(rows), model)


def one_bit_bytes(network: ProfiledNetwork) -> float:
    """Bytes of the kernels at one bit each, the size that papers on binary networks state."""
    return sum(kernel.numel for kernel in kernels_of(network.profile.graph)) / 8


def cells(row: Row) -> list[str]:
    """A row as plain text: network, input, counts each beside the published one, kB, µJ, top-1 in percent."""
    network, costs, published = row.network, row.network.profile, row.published or UNKNOWN
    weights = costs.memory.weight_bytes
    top1 = (network.top1, row.cifar10_published)
    return [
        network.label,
        f"{pixels(network.input_shape)} → {network.classes}",
        f"{costs.parameters:,}",
        beside(published.parameters, costs.parameters),
        f"{costs.macs['conv_linear']:,}",
        beside(published.macs, costs.macs["conv_linear"]),
        f"{costs.macs['thop_2020']:,}",
        beside(published.macs_thop, costs.macs["thop_2020"]),
        f"{weights['int8'] / 1024:,.1f}",
        f"{weights['ternary_2bit'] / 1024:,.1f}",
        f"{costs.memory.peak_activation_bytes / 1024:,.1f}",
        f"{costs.energy.total / 1e6:,.2f}",
        f"{row.two_bit_pj / 1e6:,.2f}",
        *("" if percent is None else f"{percent:.2f}" for percent in top1),
    ]


def beside(published: int | str | None, ours: int) -> str:
    """A published count, with = where it is the same as ours."""
    if published is None:
        return ""
    return published if isinstance(published, str) else f"{published:,} {'=' if published == ours else '≠'}"


@cache
def published_facts() -> dict[tuple[str, float, int | None, int], Published]:
    """What `published.toml` says, by name, width, input size (None where no pictures go in) and classes."""
    found = tomllib.loads((files("microbotnet") / "show" / "published.toml").read_text("utf-8"))
    facts = {}
    for net in found["net"]:
        key = net.pop("name"), net.pop("width", 1.0), net.pop("input_size", None), net.pop("classes")
        facts[key] = Published(**net)
    return facts


def _row(net: str, input_size: int | None, classes: int | None, preset: Preset) -> Row:
    from ..nets import find_net, net_names
    from ..weights import shipped_cards

    if net not in shipped_cards() and is_outside(net):
        return Row(outside(net, preset=preset))
    if net in shipped_cards() or is_trained(net):
        return Row(trained(net, preset=preset))
    name, at, width = net.partition("@")
    if name not in net_names() and not name.endswith(DESIGNS) and (Path(net).suffix or "/" in net):
        raise BadInput(f"{net}: neither a network, nor shipped weights, nor a file that is there")
    find_net(name)
    try:
        factor = float(width) if at else 1.0
    except ValueError:
        raise BadInput(f"{net}: after the @ comes a width, a number such as 0.32, not {width!r}") from None
    return _costed(name, factor, input_size, classes, preset)


def _zoo(input_size: int | None, classes: int | None, preset: Preset) -> Iterable[Row]:
    from ..nets import find_net, net_names
    from ..weights import shipped_cards

    for name in net_names():
        own = find_net(name).input_size
        known = {(size, width) for net, width, size, _ in published_facts() if net == name}
        widths = {1.0, *(width for _, width in known)}
        if own is None:
            yield from (_costed(name, width, None, classes, preset) for width in sorted(widths) if input_size is None)
            continue
        sizes = {ROBOT, own} if input_size is None else {input_size}
        made = {(size, width) for size in sizes for width in widths} | (known if input_size is None else set())
        yield from (_costed(name, width, size, classes, preset) for size, width in sorted(made))
    if input_size in (None, ROBOT):
        for checkpoint in shipped_cards("cifar10"):
            yield Row(trained(checkpoint, preset=preset))


def _costed(name: str, width: float, input_size: int | None, classes: int | None, preset: Preset) -> Row:
    from ..nets import find_net

    net = find_net(name)
    size = net.input_size if input_size is None else input_size
    known = [key[3] for key in published_facts() if key[:3] == (name, width, size)]
    if classes is None:
        as_imagenet = size not in (None, ROBOT) and net.design is None
        classes = known[0] if known else (1000 if as_imagenet else net.num_classes)
    network = untrained(name, width=width, input_size=size, classes=classes, preset=preset)
    return Row(network, published_facts().get((name, width, size, classes)))
