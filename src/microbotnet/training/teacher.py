"""A trained network whose outputs another learns to follow."""

import copy
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ..atomic import write_atomically
from ..quant.activations import NAME
from ..sealed import UNSEALED, read_sealed, sealed
from .cpu import multiplies_bfloat16
from .views import Take


class Teacher:
    """A network in eval mode, and its outputs on whole sets, kept on disk.

    Args:
        name: what tells this teacher, with its data and augmentation, from others.
        model: from pictures to logits.
        columns: which of its logits stand for the student's classes, in their order.
        folder: where outputs are kept; trainings with the same teacher share it.
        size: side of the pictures that it looks at; a student's are resized to it. None: whatever it is shown.
        draw: its own views of the student's pictures, from a view's number and a seed, where they show more than the
            student sees.
        mirror: a view's outputs are the mean over both mirror images, so they hold for either.
        outside: what it learned from beside the pictures of the product's own sets (see `outside_data`).
    """

    def __init__(
        self,
        name: str,
        model: nn.Module,
        columns: Sequence[int],
        folder: Path,
        *,
        size: int | None = None,
        draw: Callable[[int, int], Take] | None = None,
        mirror: bool = False,
        outside: Sequence[str] = (),
    ) -> None:
        self.name, self.size, self.draw, self.mirror, self.outside = name, size, draw, mirror, list(outside)
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        self.rounds = any(hasattr(module, NAME) for module in model.modules())  # its activations, to few bits
        if not self.rounds:  # the rounding follows the layers as they were
            _fold(self.model)
        self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.columns = torch.tensor(columns)
        self.folder = folder

    @torch.no_grad()
    def __call__(self, inputs: Tensor) -> Tensor:
        """Logits (B, classes) float32 for normalised pictures; computed in bfloat16 where a CPU multiplies that.

        Activations that are rounded to few bits would fall to other numbers by it: those stay in float32.
        """
        self.model.to(inputs.device)
        if self.size is not None and inputs.shape[-1] != self.size:
            inputs = F.interpolate(inputs, (self.size, self.size), mode="bicubic", antialias=True)
        faster = inputs.device.type == "cpu" and not self.rounds and multiplies_bfloat16()
        with torch.autocast("cpu", torch.bfloat16, enabled=faster):
            logits: Tensor = self.model(inputs)
        return logits.float()[:, self.columns.to(inputs.device)]

    def outputs(self, take: Take, count: int, number: int) -> Tensor:
        """Logits (count, classes) float16 of all pictures under a view, computed once and read from disk afterwards.

        Args:
            take: the student's view, from places to pictures. number: the view's, and what it is kept under.
        """
        take = take if self.draw is None else self.draw(number, 0)
        path = self.folder / f"view-{number}.safetensors"
        try:
            return load(read_sealed(path))["logits"]
        except (SafetensorError, OSError, KeyError, ValueError):  # not there yet, or damaged
            parts = torch.split(torch.arange(count), 250)
            logits = torch.cat([self._answers(take(index)).half().cpu() for index in parts])
            write_atomically(path, sealed(save({"logits": logits}, UNSEALED)))
            return logits

    def _answers(self, inputs: Tensor) -> Tensor:
        return (self(inputs) + self(inputs.flip(-1))) / 2 if self.mirror else self(inputs)


def _fold(model: nn.Module) -> None:
    """Changes a network in eval mode: batch norms behind convolutions in a sequence become part of them.

    A small network is then twice as fast, for most of its time goes by reading and writing activations.
    """
    for sequence in (module for module in model.modules() if type(module) is nn.Sequential):
        for before, behind in pairwise(list(sequence._modules)):
            convolve, norm = sequence._modules[before], sequence._modules[behind]
            if type(convolve) is nn.Conv2d and type(norm) is nn.BatchNorm2d:
                sequence._modules[before] = fuse_conv_bn_eval(convolve, norm)
                sequence._modules[behind] = nn.Identity()


class Renormalise(nn.Module):
    """From pictures normalised with one mean and deviation, (N, C, H, W) float32, to the same with others."""

    scale: Tensor
    shift: Tensor

    def __init__(
        self, mean: Sequence[float], std: Sequence[float], other_mean: Sequence[float], other_std: Sequence[float]
    ) -> None:
        super().__init__()
        given = (mean, std, other_mean, other_std)
        m, s, other_m, other_s = (torch.tensor(values, dtype=torch.float64)[:, None, None] for values in given)
        self.register_buffer("scale", (s / other_s).float())
        self.register_buffer("shift", ((m - other_m) / other_s).float())

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale + self.shift


class Ensemble:
    """Several teachers as one: the mean of their logits. Each keeps its own outputs."""

    def __init__(self, members: Sequence[Teacher]) -> None:
        self.name = "+".join(member.name for member in members)
        self.members = members
        self.outside = [what for member in members for what in member.outside]

    def __call__(self, inputs: Tensor) -> Tensor:
        """See `Teacher.__call__`."""
        return torch.stack([member(inputs) for member in self.members]).mean(0)

    def outputs(self, take: Take, count: int, number: int) -> Tensor:
        """See `Teacher.outputs`; float32."""
        return torch.stack([member.outputs(take, count, number).float() for member in self.members]).mean(0)
