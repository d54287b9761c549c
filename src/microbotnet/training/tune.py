"""Which part of a network a training changes: all of it, its last layer, or more and more from the last layer down."""

from collections.abc import Iterable

from torch import nn

from ..errors import BadInput
from ..quant.policy import kernels

TUNE = ("all", "gradual", "head")


def check_tune(how: str) -> None:
    """Refuse a word that is not in `TUNE`."""
    if how not in TUNE:
        raise BadInput(f"tune must be one of {', '.join(TUNE)}, not {how!r}")


def freeze(model: nn.Module, how: str, epoch: int, epochs: int) -> None:
    """Put `model` in training mode, and freeze what epoch `epoch` (from 0) of `epochs` is not to change.

    What is frozen gets no gradients, and its batch norms and dropouts work as in evaluation, so their statistics stay.

    - "all": nothing is frozen.
    - "head": all but the last convolution or linear layer.
    - "gradual" (Howard & Ruder 2018, arXiv 1801.06146, section 3.3): as "head" at first; then block after block from
      the head down thaws at equal distances, the first layer at half of the run; from there on nothing is frozen. A
      block is one member of the network's sequence: features.0, features.1, …

    It depends on nothing but its arguments, so a training that is gone on with freezes what it would have frozen.
    """
    model.train()
    if how == "all":
        return
    blocks = _blocks(model)
    thawed = 1
    if how == "gradual":
        thawed += int((len(blocks) - 1) * min(1.0, 2 * epoch / epochs))
    for number, layers in enumerate(blocks):
        for layer in layers:
            layer.train(number < thawed)
            layer.requires_grad_(number < thawed)


def _blocks(model: nn.Module) -> list[list[nn.Module]]:
    """The modules that hold parameters or behave otherwise in training, in blocks, the head's first."""
    head = kernels(model)[-1].name
    blocks: dict[str, list[nn.Module]] = {head: []}
    for path, module in model.named_modules():
        if _is_leaf(module):
            inside = path == head or path.startswith(f"{head}.")
            blocks.setdefault(head if inside else _block(path.split(".")), []).append(module)
    found = [blocks.pop(head)]
    for modules in reversed(blocks.values()):
        if any(True for module in modules for _ in module.parameters()):
            found.append(modules)
        else:  # dropout or the like goes with what comes after it
            found[-1] += modules
    return found


def _is_leaf(module: nn.Module) -> bool:
    return not any(True for _ in module.children()) or any(True for _ in module.parameters(recurse=False))


def _block(path: Iterable[str]) -> str:
    """The path up to its first number: features.3 for features.3.conv.0; the first name where there is none."""
    parts = list(path)
    end = next((i for i, part in enumerate(parts) if part.isdigit()), 0)
    return ".".join(parts[: end + 1])
