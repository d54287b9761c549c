"""What tests of training share: pictures to train on."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from microbotnet.training import native
from microbotnet.training.chain import KINDS
from microbotnet.training.loop import TrainingSet


@pytest.fixture
def noise() -> TrainingSet:
    """96 pictures in which there is nothing to learn, of ten classes."""
    random = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (96, 3, 32, 32), dtype=torch.uint8, generator=random)
    return TrainingSet("made up", images, torch.arange(96) % 10, (0.5,) * 3, (0.25,) * 3)


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What C was called for: functions, and of chains their steps; skips the test where no compiler works."""
    library, names = native.library(), list[str]()
    if library is None:
        pytest.skip("no C compiler")

    def recorded(name: str) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            if name in ("chain_forward", "chain_backward"):
                way = "_backward" if name == "chain_backward" else ""
                names.extend(KINDS[step.kind] + way for step in args[0][1:])
                names.extend(["look"] if not way and args[2] is not None else [])
            elif name != "chain_room":
                names.append(name)
            return getattr(library, name)(*args)

        return call

    functions = SimpleNamespace(**{name: recorded(name) for name in native._ARGUMENTS})
    monkeypatch.setattr(native, "in_use", lambda: True)
    monkeypatch.setattr(native, "library", lambda: functions)
    return names
