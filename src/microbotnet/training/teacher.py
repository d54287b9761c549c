"""A trained network whose outputs another learns to follow."""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from safetensors.torch import load, save
from torch import Tensor, nn
from torch.nn import functional as F

from ..atomic import write_atomically
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
    ) -> None:
        self.name, self.size, self.draw, self.mirror = name, size, draw, mirror
        self.model = model.eval().requires_grad_(False)
        self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.columns = torch.tensor(columns)
        self.folder = folder

    @torch.no_grad()
    def __call__(self, inputs: Tensor) -> Tensor:
        """Logits (B, classes) float32 for normalised pictures; computed in bfloat16 where a CPU multiplies that."""
        self.model.to(inputs.device)
        if self.size is not None and inputs.shape[-1] != self.size:
            inputs = F.interpolate(inputs, (self.size, self.size), mode="bicubic", antialias=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=inputs.device.type == "cpu" and multiplies_bfloat16()):
            logits: Tensor = self.model(inputs)
        return logits.float()[:, self.columns.to(inputs.device)]

    def outputs(self, take: Take, count: int, number: int) -> Tensor:
        """Logits (count, classes) float16 of all pictures under a view, computed once and read from disk afterwards.

        Args:
            take: the student's view, from places to pictures. number: the view's, and what it is kept under.
        """
        take = take if self.draw is None else self.draw(number, 0)
        path = self.folder / f"view-{number}.safetensors"
        if path.exists():
            return load(path.read_bytes())["logits"]
        parts = torch.split(torch.arange(count), 500)
        logits = torch.cat([self._answers(take(index)).half().cpu() for index in parts])
        write_atomically(path, save({"logits": logits}))
        return logits

    def _answers(self, inputs: Tensor) -> Tensor:
        return (self(inputs) + self(inputs.flip(-1))) / 2 if self.mirror else self(inputs)


class Ensemble:
    """Several teachers as one: the mean of their logits. Each keeps its own outputs."""

    def __init__(self, members: Sequence[Teacher]) -> None:
        self.name = "+".join(member.name for member in members)
        self.members = members

    def __call__(self, inputs: Tensor) -> Tensor:
        """See `Teacher.__call__`."""
        return torch.stack([member(inputs) for member in self.members]).mean(0)

    def outputs(self, take: Take, count: int, number: int) -> Tensor:
        """See `Teacher.outputs`; float32."""
        return torch.stack([member.outputs(take, count, number).float() for member in self.members]).mean(0)
