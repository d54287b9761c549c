"""Begin a design with the weights of another: blocks and inner channels more or fewer, larger k×k kernels, new gates.

What is new begins so that the network answers as before: a block as the identity, a channel with a projection of zero
(Chen et al. 2015, Net2Net, arXiv 1511.05641), a larger kernel with zeros around the old one, a squeeze-and-excite half
open behind a batch norm of twice the size. The inner channels that go are those of which the projection hears
least, by the batch norm's scale and the size of their column (after Liu et al. 2017, arXiv 1708.06519).
"""

from collections.abc import Sequence
from operator import add

import torch
from torch import Tensor
from torch.nn import functional as F

from ..design import Block, Design, design_from
from ..design.design import layer_names
from ..errors import BadInput
from ..nets import architecture as architecture_of
from ..nets import create_model
from .checkpoint import Checkpoint

State = dict[str, Tensor]
_ALIKE = ("inputs", "outputs", "stride", "activation", "groups", "shift_max", "expands")


def redesigned(checkpoint: Checkpoint, net: str, name: str) -> Checkpoint:
    """The design `net` with the checkpoint's weights; its card says the new architecture.

    Values that are new and not zero are drawn from torch's generator as in a network that is not trained.

    Args:
        net: a design's name or file.
        name: the checkpoint's, for errors.

    Raises:
        BadInput: one of both is no design; their stems or heads differ; a block without a shortcut, which cannot begin
            as the identity, is new or left out.
    """
    there = checkpoint.card["architecture"]
    architecture = architecture_of(net, there["num_classes"])
    for which, card in ((name, there), (net, architecture)):
        if "design" not in card:
            raise BadInput(f"{which}: no design; --from and --net together take the weights of one to another")
    theirs, ours = design_from(there["design"]), design_from(architecture["design"])
    for part in ("stem", "head"):
        wanted, given = _words(ours, part), _words(theirs, part)
        if wanted != given:
            raise BadInput(f"{net}: has a {part} of {wanted}, {name} of {given}; its weights do not fit")
    model = create_model(**architecture)
    state, trained = model.state_dict(), checkpoint.model.state_dict()
    old, new = list(theirs.blocks()), list(ours.blocks())
    kept = pairs(old, new)
    if kept is None:
        raise BadInput(
            f"{net}: its blocks without a shortcut must be those of {name}, for they cannot begin as the identity; "
            f"their kernels may be larger and gates new: it has {_trunk(new)}, {name} {_trunk(old)}"
        )
    for j, block in enumerate(new):
        path = f"features.{j + 1}"
        if j in kept:
            _take(state, path, block, trained, f"features.{kept[j] + 1}")
        else:
            state[f"{_norm(layer_names(block, path)['project'][0])}.weight"].zero_()
    ends = {"features.0.": "features.0.", f"features.{len(old) + 1}.": f"features.{len(new) + 1}."}
    for before, now in (ends | {"classifier.": "classifier."}).items():
        state |= {now + key.removeprefix(before): value for key, value in trained.items() if key.startswith(before)}
    model.load_state_dict(state)
    return Checkpoint(model.eval(), {**checkpoint.card, "architecture": architecture})


def pairs(theirs: Sequence[Block], ours: Sequence[Block]) -> dict[int, int] | None:
    """Which of their blocks each of ours takes its weights from, both by their place from 0; None where it cannot be.

    A longest common subsequence: as many blocks as can be, of those the ones that keep most inner channels, and of
    those the ones that are most alike.
    Ours that are not in it begin as the identity, so have a shortcut; theirs are left out.
    """
    n, m = len(theirs), len(ours)
    best: dict[tuple[int, int], tuple[float, ...]] = {(n, m): (0.0, 0.0, 0.0)}  # blocks, channels, likeness from there
    step: dict[tuple[int, int], tuple[int, int]] = {}
    for i in range(n, -1, -1):
        for j in range(m, -1, -1):
            ways = []
            if (i + 1, j + 1) in best and _like(theirs[i], ours[j]):
                gained = (1, min(theirs[i].expanded, ours[j].expanded), _likeness(theirs[i], ours[j]))
                ways.append((tuple(map(add, best[i + 1, j + 1], gained)), (i + 1, j + 1)))
            if (i + 1, j) in best and theirs[i].shortcut:
                ways.append((best[i + 1, j], (i + 1, j)))
            if (i, j + 1) in best and ours[j].shortcut:
                ways.append((best[i, j + 1], (i, j + 1)))
            if ways:
                best[i, j], step[i, j] = max(ways)
    if (0, 0) not in best:
        return None
    found: dict[int, int] = {}
    at = (0, 0)
    while at != (n, m):
        i, j = at
        at = step[at]
        if at == (i + 1, j + 1):
            found[j] = i
    return found


def _like(theirs: Block, ours: Block) -> bool:
    """Whether our block can take their weights."""
    movable = theirs.expands and theirs.groups == 1 and not theirs.shift_max  # inner channels that can come and go
    around = ours.kernel - theirs.kernel
    return (
        (movable or theirs.expanded == ours.expanded)
        and around >= 0 == around % 2
        and ours.squeeze_excite >= theirs.squeeze_excite
        and all(getattr(theirs, name) == getattr(ours, name) for name in _ALIKE)
    )


def _likeness(theirs: Block, ours: Block) -> float:
    """0…1, of blocks that are like each other."""
    fewer, more = sorted((theirs.expanded, ours.expanded))
    changed = (theirs.kernel != ours.kernel) + (theirs.squeeze_excite != ours.squeeze_excite)
    return fewer / more / (1 + changed)


def _take(state: State, path: str, block: Block, trained: State, before: str) -> None:
    """The weights of the block `before`: of fewer inner channels the strongest; what is new is not heard yet."""
    names = layer_names(block, path)
    depthwise, project = names["depthwise"][0], names["project"][0]

    def old(layer: str) -> Tensor:
        return trained[f"{before}{layer.removeprefix(path)}.weight"]

    inner = _strongest(old(project).flatten(1).norm(dim=0) * old(_norm(depthwise)).abs(), block.expanded)
    every = torch.arange(block.outputs)
    axes: dict[str, tuple[Tensor, ...]] = {project: (every, inner), _norm(project): (every,)}
    for layer in (*names.get("expand", ()), depthwise):
        axes |= {layer: (inner,), _norm(layer): (inner,)}
    gated = block.squeeze_excite and f"{before}{names['squeeze_excite'][0].removeprefix(path)}.weight" in trained
    if gated:
        first, second = names["squeeze_excite"]
        squeezed = _strongest(old(second).norm(dim=0) * old(first).norm(dim=1), block.squeezed)
        axes |= {first: (squeezed, inner), second: (inner, squeezed)}
    elif block.shift_max:
        axes |= dict.fromkeys(names["squeeze_excite"], ())
    for key in [key for key in state if key.startswith(f"{path}.") and key.rpartition(".")[0] in axes]:
        theirs = trained[before + key.removeprefix(path)]
        if key == f"{depthwise}.weight":
            theirs = F.pad(theirs, 4 * [(block.kernel - theirs.shape[-1]) // 2])
        state[key] = _moved(state[key], theirs, axes[key.rpartition(".")[0]])
    if block.squeeze_excite and not gated:
        state[f"{names['squeeze_excite'][1]}.weight"].zero_()
        for name in ("weight", "bias"):
            state[f"{_norm(depthwise)}.{name}"] *= 2


def _moved(fresh: Tensor, trained: Tensor, axes: tuple[Tensor, ...]) -> Tensor:
    """`trained` at the places `axes` of its first dimensions; where `fresh` is larger, new rows are its own and new
    columns zero."""
    for axis, places in enumerate(axes if trained.dim() else ()):
        trained = trained.index_select(axis, places)
    if fresh.shape == trained.shape:
        return trained.clone()
    fresh = fresh.clone()
    if fresh.dim() > 1:
        fresh[:, trained.shape[1] :] = 0
    fresh[tuple(slice(size) for size in trained.shape)] = trained
    return fresh


def _strongest(strength: Tensor, most: int) -> Tensor:
    """The places of the `most` largest, in order; all where there are no more."""
    return strength.argsort(descending=True, stable=True)[:most].sort().values


def _norm(layer: str) -> str:
    """The path of the batch norm behind a convolution in a block."""
    stem, _, number = layer.rpartition(".")
    return f"{stem}.{int(number) + 1}"


def _words(design: Design, part: str) -> str:
    """What the weights of a stem or a head depend on."""
    stem, head = design.stem, design.head
    if part == "stem":
        return f"width {stem.width}, kernel {stem.kernel}, stride {stem.stride}, {stem.activation}"
    return f"width {head.width}, hidden {head.hidden}, {head.activation}"


def _trunk(blocks: Sequence[Block]) -> str:
    """The blocks without a shortcut."""
    return ", ".join(
        f"{b.inputs}→{b.expanded}→{b.outputs} ({b.kernel}×{b.kernel}{', gate' * b.squeeze_excite})"
        for b in blocks
        if not b.shortcut
    )
