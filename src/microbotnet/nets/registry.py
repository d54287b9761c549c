"""The networks that there are, by the name users type."""

import difflib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from torch import Tensor, nn

from ..design import Design
from ..errors import BadInput
from ..preprocessing import picture_size

Builder = Callable[..., nn.Module]
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Net:
    """A registered network.

    `build(num_classes=…)` makes it, with `width=…` and `input_size=…` where its signature has them;
    `input_shape` is the paper's, without the batch: (channels, rows, columns) or (features,); `widths` says whether
    there is a width multiplier; `design` is what it is made from, if it is from one; `num_classes` how many outputs it
    has where they are not said.
    """

    name: str
    build: Builder
    input_shape: Shape
    summary: str
    widths: bool
    design: Design | None = None
    num_classes: int = 10

    @property
    def input_size(self) -> int | None:
        """The side of the pictures in pixels; None where the input is no square picture of three colours."""
        return picture_size(self.input_shape)

    def takes(self, keyword: str) -> bool:
        """Whether `build` has an argument of that name."""
        return _takes(self.build, keyword)


@runtime_checkable
class Fitted(Protocol):
    """A network that looks at some of its training pictures, (N, 3, H, W) normalised, before it is trained."""

    def fit(self, pictures: Tensor) -> None: ...


_NETS: dict[str, Net] = {}


def register_net(
    name: str, *, input_size: int = 32, input_shape: Shape | None = None, num_classes: int = 10
) -> Callable[[Builder], Builder]:
    """Register a function as the network `name`; its docstring's first line is the summary users see.

    `input_size` is the side of its pictures in pixels; a network that takes other things than square RGB pictures says
    their `input_shape` instead. `num_classes` is how many outputs it has where they are not said.
    The function takes `num_classes`, and `width` and `input_size` if they change what it makes, by keyword::

        @register_net("mine", input_size=32)
        def mine(*, num_classes: int = 10, width: float = 1.0) -> nn.Module:
            "Three convolutions."
            ...

    Raises:
        BadInput: the name is taken, or the function has no `num_classes`.
    """

    def register(build: Builder) -> Builder:
        if not _takes(build, "num_classes"):
            raise BadInput(f"the function that makes {name!r} must take num_classes by keyword")
        summary = (build.__doc__ or "").strip().partition("\n")[0]
        shape = (3, input_size, input_size) if input_shape is None else tuple(input_shape)
        add_net(Net(name, build, shape, summary, widths=_takes(build, "width"), num_classes=num_classes))
        return build

    return register


def add_net(net: Net) -> None:
    """Register a network under its name; BadInput if that is taken."""
    if net.name in _NETS:
        raise BadInput(f"a network named {net.name!r} is registered already; choose another name")
    _NETS[net.name] = net


def net_names() -> list[str]:
    """The registered names, in the order of registration."""
    return list(_NETS)


def registered(name: str) -> Net:
    """The network of that name; BadInput if there is none (the nearest is suggested)."""
    if name not in _NETS:
        close = difflib.get_close_matches(name.lower(), _NETS, n=1, cutoff=0.5)
        hint = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(_NETS)}"
        raise BadInput(f"no network is named {name!r}; {hint}")
    return _NETS[name]


def _takes(build: Builder, keyword: str) -> bool:
    parameters = inspect.signature(build).parameters
    return keyword in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())
