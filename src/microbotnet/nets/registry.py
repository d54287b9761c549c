"""The names of the networks, and how to make one."""

import difflib
from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from ..errors import BadInput


@dataclass(frozen=True)
class Net:
    """A registered network.

    `build(num_classes=…, width=…)` makes it; `input_size` is the paper's picture side in pixels,
    `widths` says whether the width multiplier means anything to it.
    """

    name: str
    build: Callable[..., nn.Module]
    input_size: int
    summary: str
    widths: bool


_NETS: dict[str, Net] = {}

Builder = Callable[..., nn.Module]


def register_net(name: str, *, input_size: int = 32, widths: bool = True) -> Callable[[Builder], Builder]:
    """Register a function as the network `name`; its docstring's first line is the summary users see.

    The function takes `num_classes` and, where `widths` is true, `width`, both by keyword:

        @register_net("mine", input_size=32)
        def mine(*, num_classes: int = 10, width: float = 1.0) -> nn.Module:
            "Three convolutions."
            ...

    Raises:
        BadInput: the name is taken.
    """

    def register(build: Builder) -> Builder:
        if name in _NETS:
            raise BadInput(f"a network named {name!r} is registered already; choose another name")
        summary = (build.__doc__ or "").strip().partition("\n")[0]
        _NETS[name] = Net(name, build, input_size, summary, widths)
        return build

    return register


def net_names() -> list[str]:
    """The registered names, in the order of registration."""
    return list(_NETS)


def find_net(name: str) -> Net:
    """The network registered as `name`; an unknown name raises BadInput and suggests the nearest."""
    if name not in _NETS:
        close = difflib.get_close_matches(name, _NETS, n=1, cutoff=0.5)
        hint = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(_NETS)}"
        raise BadInput(f"no network is named {name!r}; {hint}")
    return _NETS[name]


def create_model(name: str, *, num_classes: int = 10, width: float = 1.0, input_size: int | None = None) -> nn.Module:
    """Make a network by name, freshly initialised, in training mode.

    Args:
        name: one of `net_names()`.
        num_classes: outputs, at least 1.
        width: multiplier of the channel counts, > 0.
        input_size: side of the pictures in pixels that it will see; None is the paper's.

    Raises:
        BadInput: unknown name, or a value out of range, or a network that cannot take such pictures.
    """
    net = find_net(name)
    if num_classes < 1:
        raise BadInput(f"classes must be at least 1, not {num_classes}")
    if not 0 < width <= 16:
        raise BadInput(f"width must be over 0 and at most 16, not {width:g}")
    if width != 1.0 and not net.widths:
        raise BadInput(f"{name} has no width multiplier; leave the width at 1")
    if input_size is not None and not 1 <= input_size <= 4096:
        raise BadInput(f"input size must be from 1 to 4096 pixels, not {input_size}")
    return net.build(num_classes=num_classes, **({"width": width} if net.widths else {}))
