"""Where in a network's code something happens: the module that ran it, and the file and line."""

from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FrameType

import torch
from torch import nn
from torch.nn.utils.parametrize import type_before_parametrizations

from .graph import Shape, times

TORCH = str(Path(torch.__file__).parent)
OURS = str(Path(__file__).parent)
PLACE = "place"  # an attribute of a module that stands for one operator of a file: where that is


class ValueNeeded(Exception):
    """The network asked for a value that depends on the picture."""


class Places:
    """The modules of a network, found on the stack while it runs.

    Args:
        model: the network.
        entry: the function whose callers are not the network's code any more.
    """

    def __init__(self, model: nn.Module, entry: CodeType) -> None:
        self.entry = entry
        self.paths = {id(module): (path, module) for path, module in model.named_modules()}

    def locate(self, frames: Iterator[tuple[FrameType, int]]) -> tuple[str, nn.Module | None, str]:
        """Path and module of the innermost module on the stack, and the innermost line that is not torch's."""
        found: tuple[str, nn.Module] | None = None
        source = ""
        for frame, line in frames:
            if frame.f_code is self.entry:  # the rest is what called us, not the network
                break
            file = frame.f_code.co_filename
            if not source and not file.startswith((TORCH, OURS, "<")):
                source = f"{file}:{line}"
            if found is None:
                found = self.paths.get(id(frame.f_locals.get("self")))
            if source and found:
                break
        if found is None:
            return "", None, source
        return (*found, getattr(found[1], PLACE, source))

    def explain(self, error: Exception, shape: Shape) -> str:
        """One line for what stopped the trace, with the place in the network's code."""
        frames = []
        step = error.__traceback__
        while step is not None:
            frames.append((step.tb_frame, step.tb_lineno))
            step = step.tb_next
        path, module, source = self.locate(iter(reversed(frames)))
        layer = f"layer {path} ({type_name(module)})" if module is not None and path else "the network"
        place = f"{source}: " if source else ""
        size = times(shape)
        if isinstance(error, ValueNeeded):
            return (
                f"{place}{layer} decides by the values of the picture what to compute (.item(), bool(), if, …); "
                "such a network has no single graph"
            )
        reason = " ".join(str(error).split()) or type(error).__name__
        return f"{place}{layer} cannot take what a {size} picture brings it: {reason}"


def outwards(frame: FrameType | None) -> Iterator[tuple[FrameType, int]]:
    """The frame and its callers, with the line that each is at."""
    while frame is not None:
        yield frame, frame.f_lineno
        frame = frame.f_back


def type_name(module: nn.Module) -> str:
    """The class, as written; a class that only shares its name with one of torch's is told apart by its home."""
    kind = type_before_parametrizations(module)
    own = hasattr(nn, kind.__name__) and getattr(nn, kind.__name__) is not kind
    return f"{kind.__module__}.{kind.__name__}" if own else kind.__name__
