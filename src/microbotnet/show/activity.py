"""One picture through a network, watched: the answer, how active each layer is, and where the answer comes from.

A class activation map (CAM; Zhou et al. 2016, arXiv 1512.04150) weights the last feature maps by the classifier's
weights of a class. That is exact only where nothing but a global average pool and one linear layer follows the maps.
MicroBotNet has a 1×1 convolution with h-swish in between, and at 32×32 pixels its last maps are 2×2. So the map here is

    ReLU(Σ_k A_k · ∂y/∂A_k),   A_k the k-th map of a layer, y the class's logit, · position by position

(HiResCAM; Draelos & Carin 2020, arXiv 2011.08891), taken at the last layer with at least `CELLS`×`CELLS` positions. On
maps that a pool and a linear layer follow it is CAM itself up to one factor. Grad-CAM (Selvaraju et al. 2017) would
average the gradient over the map first, which on maps before further spatial layers mixes up places. Both choices were
made on boxes drawn around frogs in training pictures: `benchmarks/activation_maps.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..data.augment import Batches
from ..graph import Graph
from ..graph.kinds import kind_of
from ..graph.steps import Step, fuse
from ..preprocessing import Pixels

CELLS = 8
Values = np.ndarray[Any, np.dtype[np.float32]]


@dataclass(frozen=True)
class ActivationMap:
    """Where a class's logit comes from.

    values: S×S float32, 0…1, 1 where most comes from; all 0 if no gradient reaches the layer.
    layer: the step whose maps it was made from, of `cells` (height, width) positions.
    exact: whether it is Zhou's CAM, not an approximation at an earlier layer.
    """

    values: Values
    label: int
    layer: str
    cells: tuple[int, int]
    exact: bool

    @property
    def method(self) -> str:
        """In words."""
        kind = "CAM" if self.exact else "HiResCAM"
        return f"{kind} at {self.layer}, {self.cells[0]}×{self.cells[1]} positions"


@dataclass(frozen=True)
class Activity:
    """What one picture does in a network.

    probabilities: of the classes, float32.
    layers: mean |output| of each step of the graph that a module computes, by the step's name.
    map: None where no layer has positions.
    """

    probabilities: Values
    layers: dict[str, float]
    map: ActivationMap | None


def observe(
    model: nn.Module,
    graph: Graph,
    picture: Pixels,
    mean: Sequence[float],
    std: Sequence[float],
    label: int | None = None,
) -> Activity:
    """Run one picture and watch.

    Args:
        model: in eval mode, from normalised pictures to logits; left as it was.
        graph: the model's trace.
        picture: uint8, 3×S×S.
        mean, std: of each channel, on the scale 0…1.
        label: the class that the map is of; None takes the likeliest.
    """
    ends = _ends(model, graph)
    mapped = next((step for step in reversed(list(ends)) if _fine(step.shape)), None)
    mapped = mapped or max((s for s in ends if len(s.shape) == 3), key=lambda s: s.shape[1] * s.shape[2], default=None)
    outputs: dict[Step, Tensor] = {}

    def watch(step: Step) -> Any:
        def hook(module: nn.Module, inputs: Any, output: Tensor) -> None:
            outputs[step] = output  # nothing is computed here: quantized networks count the operators that run

        return hook

    hooks = [module.register_forward_hook(watch(step)) for step, module in ends.items()]
    try:
        pixels = Batches(torch.from_numpy(picture[None]), mean, std).take(torch.arange(1)).requires_grad_()
        with torch.enable_grad():
            logits = model(pixels)[0]
    finally:
        for hook in hooks:
            hook.remove()
    chosen = int(logits.argmax()) if label is None else label
    layers = {step.name: float(output.detach().abs().mean()) for step, output in outputs.items()}
    found = None
    if mapped is not None and mapped in outputs:
        maps = outputs[mapped]
        gradient = torch.autograd.grad(logits[chosen], maps, allow_unused=True)[0]
        heat = F.relu((maps.detach() * gradient).sum(1)) if gradient is not None else torch.zeros_like(maps[:, 0])
        cells = mapped.shape[1], mapped.shape[2]
        found = ActivationMap(
            _enlarged(heat.detach(), picture.shape[-1]), chosen, mapped.name, cells, _linear_after(graph, mapped)
        )
    return Activity(logits.detach().softmax(0).numpy(), layers, found)


def _ends(model: nn.Module, graph: Graph) -> dict[Step, nn.Module]:
    """The steps that a module finishes, in running order, and that module."""
    modules = dict(model.named_modules())
    found = {}
    for step in fuse(graph):
        last = step.nodes[-1]
        if last.name == last.module and last.module in modules:
            found[step] = modules[last.module]
    return found


def _fine(shape: tuple[int, ...]) -> bool:
    return len(shape) == 3 and min(shape[1:]) >= CELLS


def _linear_after(graph: Graph, step: Step) -> bool:
    """Whether only a global average pool and at most one layer of weights follow, nothing else."""
    steps = fuse(graph)
    after = steps[steps.index(step) + 1 :]
    weighted = [later for later in after if kind_of(later.kind).convolves]
    pools = [later for later in after if later.kind == "avg_pool" and later.numel == later.shape[0]]
    plain = all(len(later.nodes) == 1 for later in after)
    return plain and len(pools) == 1 and len(weighted) <= 1 and len(after) == len(weighted) + 1


def _enlarged(heat: Tensor, size: int) -> Values:
    """(1, h, w) as size×size, its largest value 1."""
    smooth = F.interpolate(heat[:, None], (size, size), mode="bicubic", align_corners=False)[0, 0].clamp_min(0)
    peak = float(smooth.max())
    return (smooth / peak if peak > 0 else smooth).numpy()
