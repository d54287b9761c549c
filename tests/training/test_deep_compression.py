"""Deep Compression from a checkpoint to a file, which must be the network it was measured as."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from microbotnet import BadInput, create_model
from microbotnet.compress.file import read_compressed
from microbotnet.data import source
from microbotnet.data.cifar10 import CLASSES, MEAN, STD
from microbotnet.quant import bake, quantize
from microbotnet.training.checkpoint import load_checkpoint, save_checkpoint
from microbotnet.training.deep_compression import Plan, deep_compress
from microbotnet.training.session import evaluate_on

ARCHITECTURE = {"name": "microbotnet", "width": 0.25, "num_classes": 10, "input_size": 32}
DATA = {"name": "cifar10", "classes": list(CLASSES), "mean": list(MEAN), "std": list(STD)}
CARD = {"architecture": ARCHITECTURE, "quantization": "none", "data": DATA}


@pytest.fixture
def few_pictures(monkeypatch: pytest.MonkeyPatch) -> tuple[Tensor, Tensor]:
    """CIFAR-10 of 300 made-up pictures."""
    images = torch.randint(0, 256, (300, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(300) % 10
    monkeypatch.setattr(source, "load_cifar10", lambda *_: (images, labels))
    monkeypatch.setattr("microbotnet.training.deep_compression.has_cifar10", lambda: True)
    return images, labels


@pytest.fixture
def no_pictures(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("MICROBOTNET_DATA", str(tmp_path / "empty"))


@pytest.fixture
def checkpoint(tmp_path: Path) -> str:
    torch.manual_seed(0)
    model = create_model("microbotnet", width=0.25)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias)
            nn.init.normal_(module.running_mean)  # type: ignore[arg-type]
    save_checkpoint(tmp_path / "mine.safetensors", model, CARD)
    return str(tmp_path / "mine.safetensors")


@pytest.mark.usefixtures("no_pictures")
def test_without_pictures_it_compresses_and_says_nothing_of_accuracy(tmp_path: Path, checkpoint: str) -> None:
    report = deep_compress(checkpoint, tmp_path / "a.mbz", Plan(sparsity=0.8, bits=4), tmp_path / "out")
    assert report.measured is None
    assert {stage.top1 for stage in report.stages} == {None}
    sizes = [stage.bytes for stage in report.stages]
    values = sum(p.numel() for p in load_checkpoint(checkpoint).model.state_dict().values() if p.is_floating_point())
    assert sizes[0] == 4 * values
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] == (tmp_path / "a.mbz").stat().st_size
    assert sizes[-1] == sum(layer.bytes for layer in report.layers) + report.other_bytes + report.header_bytes
    weights = sum(layer.weights for layer in report.layers)
    assert sum(layer.kept for layer in report.layers) == pytest.approx(0.2 * weights, abs=60)
    assert all(layer.values <= 16 for layer in report.layers)
    assert not (tmp_path / "out").exists()


def test_the_file_holds_the_network_that_was_measured(
    tmp_path: Path, checkpoint: str, few_pictures: tuple[Tensor, Tensor]
) -> None:
    file = tmp_path / "a.mbz"
    plan = Plan(sparsity=0.6, bits=5, retrain=2, rounds=2, tune=1, teacher="microbotnet-0.25")
    trained = []
    report = deep_compress(
        checkpoint, file, plan, tmp_path / "out", on_epoch=lambda what, record: trained.append((what, record["epoch"]))
    )
    assert trained == [("pruned-0.6-1of2", 1), ("pruned-0.6-2of2", 1), ("shared-0.6-5bits", 1)]
    loaded = load_checkpoint(file)
    assert loaded.card["architecture"] == ARCHITECTURE
    assert loaded.card["compression"]["sparsity"] == 0.6
    assert loaded.card["metrics"] == {"top1": report.stages[-1].top1, "test_pictures": 300}
    assert evaluate_on(loaded, source.open_source("cifar10"))["top1"] == report.stages[-1].top1
    assert report.stages[2].top1 == report.stages[3].top1
    tensors, _ = read_compressed(file)
    state = loaded.model.state_dict()
    for key, values in tensors.items():
        assert values.tobytes() == state[key].numpy().tobytes()
    kernels = [values for key, values in tensors.items() if values.ndim > 1 and key.endswith("weight")]
    assert all(len(np.unique(kernel)) <= 33 for kernel in kernels)
    assert sum(int((kernel == 0).sum()) for kernel in kernels) >= 0.6 * sum(kernel.size for kernel in kernels) - 60

    again = deep_compress(checkpoint, tmp_path / "b.mbz", plan, tmp_path / "out", on_epoch=_no_epoch)
    assert [stage.top1 for stage in again.stages] == [stage.top1 for stage in report.stages]
    assert (tmp_path / "b.mbz").read_bytes() == file.read_bytes(), "finished trainings are not begun again"


def _no_epoch(what: str, record: dict[str, Any]) -> None:
    pytest.fail(f"{what} trained again")


def test_held_out_pictures_measure_and_do_not_teach(
    tmp_path: Path, checkpoint: str, few_pictures: tuple[Tensor, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    splits = []

    def load(folder: Path | None, split: str) -> tuple[Tensor, Tensor]:
        splits.append(split)
        return few_pictures

    monkeypatch.setattr(source, "load_cifar10", load)
    report = deep_compress(checkpoint, tmp_path / "a.mbz", Plan(holdout=100), tmp_path / "out")
    assert set(splits) == {"train"}
    assert report.measured == "100 held-out training pictures"
    assert "metrics" not in load_checkpoint(tmp_path / "a.mbz").card


@pytest.mark.usefixtures("no_pictures")
@pytest.mark.parametrize("quantizer", ["one-negative-one", "ttq", "binary"])
def test_ternary_and_binary_kernels_come_through_unchanged(tmp_path: Path, quantizer: str) -> None:
    torch.manual_seed(0)
    model = create_model("microbotnet", width=0.25)
    quantize(model, "with-stem", quantizer)
    save_checkpoint(tmp_path / "t.safetensors", bake(model), CARD)
    deep_compress(str(tmp_path / "t.safetensors"), tmp_path / "t.mbz", Plan(sparsity=0, bits=2), tmp_path / "out")
    before, after = (load_checkpoint(tmp_path / f"t.{end}").model.state_dict() for end in ("safetensors", "mbz"))
    for key, value in before.items():
        if value.ndim > 1:
            assert torch.equal(after[key], value.half().float()), key


def test_batch_norms_follow_kernels_that_no_training_adapts(
    tmp_path: Path, checkpoint: str, few_pictures: tuple[Tensor, Tensor]
) -> None:
    deep_compress(checkpoint, tmp_path / "a.mbz", Plan(sparsity=0.9, bits=3), tmp_path / "out")
    pictures = (few_pictures[0] / 255 - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]

    def drift(name: str) -> float:
        stem = load_checkpoint(tmp_path / name).model.features[0]  # type: ignore[index]
        seen = stem[0](pictures)  # type: ignore[index, operator]
        apart = (stem[1].running_mean - seen.mean((0, 2, 3))).abs()  # type: ignore[index, union-attr, operator]
        return (apart / seen.std((0, 2, 3))).max().item()  # type: ignore[no-any-return]

    assert drift("a.mbz") < 0.5 < 1 < drift("mine.safetensors")  # measured on crops, compared on whole pictures


@pytest.mark.parametrize(
    ("plan", "output", "says"),
    [
        (Plan(sparsity=1), "a.mbz", "the sparsity must be from 0 to under 1"),
        (Plan(sparsity=0, retrain=1), "a.mbz", "retraining follows pruning"),
        (Plan(bits=9), "a.mbz", "bits must be from 1 to 8"),
        (Plan(rounds=3, retrain=2), "a.mbz", "--rounds 3 needs --retrain 3 or more, not 2"),
        (Plan(), "a.safetensors", r"ends in \.mbz"),
        (Plan(holdout=300), "a.mbz", "leaves none of the 300"),
    ],
)
@pytest.mark.usefixtures("few_pictures")
def test_bad_input_writes_nothing(tmp_path: Path, checkpoint: str, plan: Plan, output: str, says: str) -> None:
    before = sorted(tmp_path.iterdir())
    with pytest.raises(BadInput, match=says):
        deep_compress(checkpoint, tmp_path / output, plan, tmp_path / "out")
    assert sorted(tmp_path.iterdir()) == before


def test_other_classes_need_their_own_pictures(tmp_path: Path, few_pictures: tuple[Tensor, Tensor]) -> None:
    card = CARD | {"data": DATA | {"name": "robots", "classes": list("abcdefghij")}}
    save_checkpoint(tmp_path / "r.safetensors", create_model("microbotnet", width=0.25), card)
    with pytest.raises(BadInput, match="cifar10 has other classes"):
        deep_compress(
            str(tmp_path / "r.safetensors"), tmp_path / "r.mbz", Plan(retrain=1), tmp_path / "out", data="cifar10"
        )
    report = deep_compress(str(tmp_path / "r.safetensors"), tmp_path / "r.mbz", Plan(), tmp_path / "out")
    assert report.measured is None
