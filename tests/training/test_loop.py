"""The loop: it learns, resumes bit for bit after kill -9, shares batches, and refuses NaN."""

import errno
import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional as F

from microbotnet import BadInput, Failed, create_model
from microbotnet.data.mixup import draw_mix
from microbotnet.quant import quantize
from microbotnet.training import loop, snapshot
from microbotnet.training.loop import TrainingSet, make_optimizer, train
from microbotnet.training.recipe import Recipe
from microbotnet.training.teacher import Teacher
from microbotnet.training.views import views

SCRIPT = Path(__file__).with_name("train_small.py")


def _run(folder: Path, *kill_at: int, devices: int = 1) -> list[int]:
    """How trainings end that follow each other in a folder, each in a process of its own."""
    command = [sys.executable, SCRIPT, folder, str(devices), *map(str, kill_at)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    return [int(code) for code in done.stdout.split()]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("uninterrupted")
    assert _run(folder, -1) == [0]
    return folder


def _history(folder: Path) -> list[dict[str, float]]:
    history: list[dict[str, float]] = json.loads((folder / "history.json").read_text())
    return [{key: value for key, value in record.items() if key != "seconds"} for record in history]


def test_killed_at_any_step_it_ends_with_the_same_weights(uninterrupted: Path, tmp_path: Path) -> None:
    # before the first snapshot, in the middle, in the last epoch, not at all
    assert _run(tmp_path, 2, 7, 18, -1) == [-signal.SIGKILL] * 3 + [0]
    got, expected = (load_file(folder / "model.safetensors") for folder in (tmp_path, uninterrupted))
    assert got.keys() == expected.keys()
    assert all(torch.equal(got[key], expected[key]) for key in expected)
    assert _history(tmp_path) == _history(uninterrupted)


def test_two_processes_with_half_the_batch_each_follow_one(uninterrupted: Path, tmp_path: Path) -> None:
    _run(tmp_path, -1, devices=2)
    one, two = _history(uninterrupted), _history(tmp_path)
    for a, b in zip(one, two, strict=True):
        assert b["loss"] == pytest.approx(a["loss"], rel=0.02)  # batch norm sees half a batch
    assert one[-1]["loss"] < 0.95 * one[0]["loss"]


def _coloured(count: int = 320, size: int = 16) -> TrainingSet:
    labels = torch.arange(count) % 4
    noise = torch.randint(0, 60, (count, 3, size, size), generator=torch.Generator().manual_seed(0))
    return TrainingSet(
        "made up", (noise + 60 * labels[:, None, None, None]).to(torch.uint8), labels, (0.5,) * 3, (0.2,) * 3
    )


def _small() -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3, 2), torch.nn.BatchNorm2d(8), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1),
        torch.nn.Flatten(), torch.nn.Linear(8, 4),
    )  # fmt: skip


def test_it_learns_and_keeps_the_averaged_weights(tmp_path: Path) -> None:
    recipe = Recipe(epochs=12, batch=32, learning_rate=0.3, average=0.8, holdout=64)
    model, history = train(_small(), _coloured(), recipe, tmp_path)
    assert history[0]["loss"] > 2 * history[-1]["loss"]
    assert history[-1]["holdout_top1"] > 90
    assert not model.training
    assert history[-1]["learning_rate"] < history[0]["learning_rate"]


def test_stages_restart_from_the_best_and_the_best_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scores = iter([50.0, 90.0, 40.0, 30.0, 20.0, 10.0])
    monkeypatch.setattr(loop, "top1", lambda *_: next(scores))
    recipe = Recipe(
        epochs=6, batch=32, learning_rate=0.05, schedule="steps", steps=3, restart_from_best=True, holdout=64
    )
    states = []

    def remember(record: dict[str, float]) -> None:
        states.append({key: value.clone() for key, value in model.state_dict().items()})

    model = _small()
    kept, _ = train(model, _coloured(), recipe, tmp_path, on_epoch=remember)
    assert all(torch.equal(value, states[1][key]) for key, value in kept.state_dict().items())


def test_a_student_follows_its_teacher(tmp_path: Path) -> None:
    pictures = _coloured()
    taught, _ = train(_small(), pictures, Recipe(epochs=20, batch=32, learning_rate=0.3), tmp_path / "teacher")
    random = torch.randint(0, 4, (len(pictures.labels),), generator=torch.Generator().manual_seed(1))
    mislabelled = TrainingSet("wrong labels", pictures.images, random, pictures.mean, pictures.std)
    right = {}
    for kept in (0, 2):  # run in every step, and kept for two views
        teacher = Teacher("t", taught, range(4), tmp_path / f"outputs-{kept}")
        recipe = Recipe(epochs=30, batch=32, learning_rate=0.3, distillation=1.0, temperature=2.0, views=kept)
        student, _ = train(_small(), mislabelled, recipe, tmp_path / f"student-{kept}", teacher=teacher)
        batches = loop.Batches(pictures.images, pictures.mean, pictures.std)
        right[kept] = loop.top1(student, batches, pictures.labels)
    assert min(right.values()) > 90, right
    assert len(list((tmp_path / "outputs-2").iterdir())) == 2
    assert not (tmp_path / "outputs-0").exists()


@pytest.mark.parametrize("mix", [0.0, 1.0])
def test_pictures_without_a_label_follow_the_teacher_alone(tmp_path: Path, mix: float) -> None:
    pictures, told = _coloured(), torch.arange(320) < 64
    taught, _ = train(_small(), pictures, Recipe(epochs=20, batch=32, learning_rate=0.3), tmp_path / "teacher")

    def followed(labels: torch.Tensor, share: float) -> tuple[dict[str, torch.Tensor], dict[str, float]]:
        """The student after two epochs, and the record of the last."""
        folder = tmp_path / f"{len(list(tmp_path.iterdir()))}"
        teacher = Teacher("t", taught, range(4), tmp_path / f"outputs-{mix}")
        recipe = Recipe(epochs=2, batch=32, learning_rate=0.1, distillation=share, temperature=2.0, views=2, mix=mix)
        model, history = train(_small(), replace(pictures, labels=labels), recipe, folder, teacher=teacher)
        return model.state_dict(), history[-1]

    with pytest.raises(BadInput, match="nobody says what is in unlabelled pictures"):
        train(_small(), replace(pictures, labels=torch.where(told, pictures.labels, -1)), Recipe(batch=32), tmp_path)
    nobody, record = followed(torch.full((320,), -1), 0.25)
    teacher_alone, _ = followed(pictures.labels, 1.0)
    torch.testing.assert_close(nobody, teacher_alone)
    assert record["train_top1"] == 0
    some, record = followed(torch.where(told, pictures.labels, -1), 0.25)
    wrong, _ = followed(torch.where(told, (pictures.labels + 1) % 4, -1), 0.25)
    assert not torch.allclose(some["5.weight"], wrong["5.weight"])  # those with a label learn from it
    assert not torch.allclose(some["5.weight"], nobody["5.weight"])
    assert record["train_top1"] * 64 / 100 == pytest.approx(round(record["train_top1"] * 64 / 100))  # of those 64


def test_kept_views_are_shown_mirrored_every_second_time_round(tmp_path: Path) -> None:
    pictures = _coloured()
    noise = torch.randint(0, 256, pictures.images.shape, generator=torch.Generator().manual_seed(0)).byte()
    pictures = TrainingSet("noise", noise, pictures.labels, pictures.mean, pictures.std)
    model, shown = _small(), []
    model.register_forward_pre_hook(lambda module, inputs: shown.append(inputs[0].clone()) if module.training else None)
    teacher = Teacher("t", _small(), range(4), tmp_path / "outputs", mirror=True)
    recipe = Recipe(epochs=4, batch=len(noise), learning_rate=0.1, crop=2, flip=True, distillation=0.5, views=2)
    train(model, pictures, recipe, tmp_path / "student", teacher=teacher)
    first, second, third, fourth = (view[view.double().sum((1, 2, 3)).argsort()] for view in shown)  # in one order
    torch.testing.assert_close(third, first.flip(-1))
    torch.testing.assert_close(fourth, second.flip(-1))
    assert not torch.allclose(first.sum((1, 2, 3)), second.sum((1, 2, 3)))  # other crops


@pytest.mark.parametrize("zoom", [0.0, 0.5])
def test_mixed_pictures_have_the_labels_of_both_and_a_teacher_answers_to_the_mixture(
    tmp_path: Path, zoom: float
) -> None:
    pictures, count = _coloured(), len(_coloured().labels)
    torch.manual_seed(2)
    linear, taught = (nn.Sequential(nn.Flatten(), nn.LazyLinear(4)) for _ in range(2))
    plain = Recipe(
        epochs=3, batch=32, crop=2, zoom=zoom, temperature=2.0, distillation=0.25, views=2, learning_rate=0.0
    )
    recipe = replace(plain, mix=1.0)
    of_set = pictures.images, None, pictures.mean, pictures.std
    unmixed = views(*of_set, plain, torch.device("cpu"))
    for model in (linear, taught):
        model(unmixed(0, 0)(torch.arange(2)))
    wanted = []
    for epoch, view in enumerate((0, 1, 0)):
        mix, seen = draw_mix(count, 1.0, view, 0), unmixed(view, 0)(torch.arange(count))
        share = mix.share[:, None, None, None]
        both = seen * share + seen[mix.partner] * (1 - share)
        answers = taught(both)
        logits = linear(both.flip(-1) if epoch == 2 else both)
        each = [
            F.cross_entropy(logits, labels, reduction="none")
            for labels in (pictures.labels, pictures.labels[mix.partner])
        ]
        hard = (mix.share * each[0] + (1 - mix.share) * each[1]).mean()
        soft = 4 * F.kl_div((logits / 2).log_softmax(1), (answers / 2).softmax(1), reduction="batchmean")
        wanted.append((0.75 * hard + 0.25 * soft).item())
    teacher = Teacher("t", taught, range(4), tmp_path / "outputs")
    _, history = train(linear, pictures, recipe, tmp_path / "student", teacher=teacher)
    assert [record["loss"] for record in history] == pytest.approx(wanted, rel=5e-3)  # answers are kept as float16


def test_a_loss_that_is_no_number_stops_it_and_leaves_the_snapshot(tmp_path: Path) -> None:
    pictures, recipe = _coloured(), Recipe(epochs=2, batch=32, learning_rate=1e-3)
    model = _small()

    def poison(record: dict[str, float]) -> None:
        torch.nn.init.constant_(model[0].weight, float("nan"))  # type: ignore[index]

    with pytest.raises(
        Failed, match="loss became nan in epoch 2; lower the learning rate; the state after epoch 1 is safe"
    ):
        train(model, pictures, recipe, tmp_path, on_epoch=poison)
    _, history = train(_small(), pictures, recipe, tmp_path)
    assert len(history) == 2


def test_a_full_disk_leaves_the_last_snapshot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = Recipe(epochs=3, batch=32, learning_rate=1e-3)
    write = snapshot.write_atomically

    def full(record: dict[str, float]) -> None:
        import os

        def no_space(file: int) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(os, "fsync", no_space)

    with pytest.raises(Failed, match="disk is full"):
        train(_small(), _coloured(), recipe, tmp_path, on_epoch=full)
    assert [file.name for file in tmp_path.iterdir()] == ["snapshot.safetensors"], "no half-written file stays"
    monkeypatch.undo()
    assert write is snapshot.write_atomically
    _, history = train(_small(), _coloured(), recipe, tmp_path)
    assert [record["epoch"] for record in history] == [1, 2, 3]


def test_another_training_in_the_folder_is_refused(tmp_path: Path) -> None:
    train(_small(), _coloured(), Recipe(epochs=1, batch=32), tmp_path)
    with pytest.raises(BadInput, match="seed 0, not 1"):
        train(_small(), _coloured(), Recipe(epochs=1, batch=32), tmp_path, seed=1)


def test_a_damaged_snapshot_is_named(tmp_path: Path) -> None:
    file = tmp_path / "snapshot.safetensors"
    train(_small(), _coloured(), Recipe(epochs=1, batch=32), tmp_path)
    content = file.read_bytes()
    for damaged in (content[:-9], content[:-9] + bytes(9), b""):
        file.write_bytes(damaged)
        with pytest.raises(BadInput, match="not a snapshot"):
            train(_small(), _coloured(), Recipe(epochs=1, batch=32), tmp_path)


def test_fewer_pictures_than_a_batch_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="do not fill a batch of 512"):
        train(_small(), _coloured(), Recipe(epochs=1, batch=512), tmp_path)


def test_two_classes_of_model_make_the_same_data(tmp_path: Path) -> None:
    """The network that is trained does not change which pictures are seen: seeds decide alone."""
    first, second = _small(), create_model("microbotnet", width=0.25, num_classes=4)
    seen: list[list[float]] = [[], []]
    for model, log in ((first, seen[0]), (second, seen[1])):
        model.register_forward_pre_hook(lambda _, inputs, log=log: log.append(float(inputs[0].sum())))
        train(model, _coloured(), Recipe(epochs=1, batch=32), tmp_path / str(len(log) + id(model)))
    assert seen[0] == seen[1]


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "muon"])
def test_depthwise_kernels_may_be_left_without_decay(optimizer: str) -> None:
    model = create_model("grain-s")
    quantize(model, "pointwise", "one-negative-one")  # puts the depthwise kernels at 8 bits
    names = {id(p): name for name, p in model.named_parameters()}
    for decays in (True, False):
        recipe = replace(Recipe(), optimizer=optimizer, decay_norms=False, decay_depthwise=decays, weight_decay=0.01)
        groups = make_optimizer(model, recipe).param_groups
        decayed = {names[id(p)] for group in groups if group["weight_decay"] for p in group["params"]}
        depthwise = {f"features.{i}.conv.3.parametrizations.weight.original" for i in range(1, 6)}
        muon = optimizer == "muon"  # keeps the norms of all kernels
        assert depthwise & decayed == (depthwise if decays and not muon else set())
        assert ("features.2.conv.0.parametrizations.weight.original" in decayed) != muon
        assert not any(name.endswith(("conv.1.weight", "bias")) for name in decayed)
        assert sum(len(group["params"]) for group in groups) == len(names)
