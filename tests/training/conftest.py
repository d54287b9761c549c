"""What tests of training share: pictures to train on."""

import pytest
import torch

from microbotnet.training.loop import TrainingSet


@pytest.fixture
def noise() -> TrainingSet:
    """96 pictures in which there is nothing to learn, of ten classes."""
    random = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (96, 3, 32, 32), dtype=torch.uint8, generator=random)
    return TrainingSet("made up", images, torch.arange(96) % 10, (0.5,) * 3, (0.25,) * 3)
