"""A network by its name, or from a design."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..design import design_from, load_design
from ..design.file import SUFFIXES
from ..errors import BadInput
from .designed import net_of
from .registry import Net, Shape, registered
from .shapes import ELEMENTWISE, LeftOut

MOST_CLASSES = 100_000  # more would be a damaged card


def find_net(name: str, design: Mapping[str, Any] | None = None) -> Net:
    """The network registered as `name`, or in the design's file of that name.

    Args:
        name: one of `net_names()`, or the path of a .toml or .json file with a design.
        design: what a card holds of a network made from a design; `name` is then only what it is called.

    Raises:
        BadInput: an unknown name (the nearest is suggested), or see `load_design`.
    """
    if design is not None or name.endswith(SUFFIXES):
        return net_of(Path(name).stem, load_design(name)) if design is None else net_of(name, design_from(design))
    return registered(name)


def architecture(name: str, num_classes: int, *, width: float = 1.0, input_size: int | None = None) -> dict[str, Any]:
    """`create_model`'s arguments as a card keeps them: with them alone the network is made again.

    An `input_size` of None is that of the design, for other networks 32, or none where they take no pictures.
    """
    net = find_net(name)
    size = input_size or (net.design.resolution if net.design else 32 if net.input_size else None)
    plain = {"name": net.name, "width": width, "num_classes": num_classes, "input_size": size}
    return plain | ({"design": net.design.to_json()} if net.design else {})


def input_shape_of(architecture: Mapping[str, Any]) -> Shape:
    """What goes into the network of a card's `architecture`, without the batch."""
    if shape := architecture.get("input_shape"):  # of a network from outside the zoo
        return tuple(shape)
    if size := architecture.get("input_size"):
        return (3, size, size)
    return find_net(architecture["name"], architecture.get("design")).input_shape


def create_model(
    name: str,
    *,
    num_classes: int | None = None,
    width: float = 1.0,
    input_size: int | None = None,
    design: Mapping[str, Any] | None = None,
) -> nn.Module:
    """Make a network by name, freshly initialised, in training mode.

    Args:
        name: one of `net_names()`, or a design's file.
        num_classes: outputs, 1 to `MOST_CLASSES`; None is 10, or the paper's where it classifies no pictures.
        width: multiplier of the channel counts, > 0.
        input_size: side of the pictures in pixels that it will see; None is the paper's.
        design: see `find_net`.

    Raises:
        BadInput: unknown name, or a value out of range, or pictures so small that a layer would be empty.
    """
    net = find_net(name, design)
    num_classes = net.num_classes if num_classes is None else num_classes
    if not 1 <= num_classes <= MOST_CLASSES:
        raise BadInput(f"classes must be from 1 to {MOST_CLASSES:,}, not {num_classes}")
    if not 0 < width <= 16:
        raise BadInput(f"width must be over 0 and at most 16, not {width:g}")
    if width != 1.0 and not net.widths:
        raise BadInput(f"{net.name} has no width multiplier; leave the width at 1")
    if input_size is not None and net.input_size is None:
        raise BadInput(f"{net.name} takes {'×'.join(map(str, net.input_shape))}, no pictures; leave out the input size")
    size = net.input_size if input_size is None else input_size
    if size is not None and not 1 <= size <= 4096:
        raise BadInput(f"input size must be from 1 to 4096 pixels, not {size}")
    optional = {"width": width, "input_size": size}
    model = net.build(num_classes=num_classes, **{k: v for k, v in optional.items() if net.takes(k)})
    if size is not None and size != net.input_size:
        _check_size(net.name, model, size)
    return model


def _check_size(name: str, model: nn.Module, size: int) -> None:
    """Run shapes without data through `model`; a layer that refuses what it would get raises BadInput."""
    running: list[tuple[str, nn.Module]] = []  # outermost first
    hooks = []
    for path, module in model.named_modules():
        hooks.append(module.register_forward_pre_hook(lambda module, _, path=path: running.append((path, module))))
        hooks.append(module.register_forward_hook(lambda *_: running.pop() and None))
    weights = {key: value.to("meta") for key, value in model.state_dict().items()}
    pictures = torch.empty(2, 3, size, size, device="meta")  # two, since batch norm refuses a single 1×1
    try:
        with torch.no_grad(), LeftOut(ELEMENTWISE):
            torch.func.functional_call(model, weights, (pictures,))
    except RuntimeError as error:
        path, module = running[-1]
        if not type(module).__module__.startswith("torch.nn") or isinstance(error, NotImplementedError):
            return  # not a matter of size: code that needs data, which only running it can judge
        layer = f"{path} ({type(module).__name__})"
        raise BadInput(
            f"{name} cannot take {size}×{size} pictures: layer {layer} would be empty or not fit; "
            f"choose a larger input size [{error}]"
        ) from None
    finally:
        for hook in hooks:
            hook.remove()
