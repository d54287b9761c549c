"""Checkpoints: ours, the published ones, and every way a file can be wrong."""

import json
import os
import pickle
from pathlib import Path

import pytest
import torch

from microbotnet import BadInput, create_model
from microbotnet.data.source import open_source
from microbotnet.training.checkpoint import load_checkpoint, save_checkpoint
from microbotnet.training.session import evaluate_on
from microbotnet.training.state import read_state
from microbotnet.weights import shipped_cards

ARCHITECTURE = {"name": "microbotnet", "width": 0.25, "num_classes": 10, "input_size": 32}
CARD = {"architecture": ARCHITECTURE, "data": {"classes": ["a"] * 10, "mean": [0.5] * 3, "std": [0.2] * 3}}


@pytest.fixture
def model() -> torch.nn.Module:
    torch.manual_seed(0)
    return create_model("microbotnet", width=0.25).eval()


@pytest.fixture
def published(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """A state dict in the published key scheme."""
    residual = {f"features.{i}.conv.8" for i in (3, 4, 5, 7, 8, 9, 10)}
    return {
        key.replace("conv.8.", "conv.8.lastBN.") if key.rpartition(".")[0] in residual else key: value
        for key, value in model.state_dict().items()
    }


def _same(first: torch.nn.Module, second: torch.nn.Module) -> bool:
    ours, theirs = first.state_dict(), second.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_ours_come_back_as_they_were(tmp_path: Path, model: torch.nn.Module) -> None:
    save_checkpoint(tmp_path / "mine.safetensors", model, CARD)
    loaded = load_checkpoint(tmp_path / "mine.safetensors")
    assert _same(loaded.model, model)
    assert not loaded.model.training
    assert loaded.card["architecture"] == ARCHITECTURE


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("stray", [False, True])
def test_published_form_loads_in_every_dress(
    tmp_path: Path, model: torch.nn.Module, published: dict[str, torch.Tensor], wrapped: bool, prefix: str, stray: bool
) -> None:
    state = {prefix + key: value for key, value in published.items()}
    if stray:
        state |= {f"{prefix}features.0.0.total_ops": torch.zeros(1), f"{prefix}total_params": torch.zeros(1)}
    torch.save({"net": state, "acc": 79.35, "epoch": 3} if wrapped else state, tmp_path / "published.pth")
    loaded = load_checkpoint(tmp_path / "published.pth")
    assert _same(loaded.model, model)
    assert loaded.card["architecture"] == ARCHITECTURE


@pytest.mark.parametrize(
    ("file", "top1"),
    [("fd_mobilenetv3_x0_32.pth", 79.35), ("micro_large_conv_and_fc_ttq_x0_32.pytorch_state", 72.79)],
)
def test_published_weights_score_what_was_published(shared: Path, cifar10_folder: Path, file: str, top1: float) -> None:
    checkpoint = load_checkpoint(shared / "checkpoints" / file)
    assert checkpoint.card["architecture"] == ARCHITECTURE | {"width": 0.32}
    assert evaluate_on(checkpoint, open_source(cifar10_folder))["top1"] == pytest.approx(top1, abs=0.02)


class _Bomb:
    def __reduce__(self) -> object:
        return os.mkdir, (os.environ["BOMB"],)


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("plain_pickle", [False, True])
def test_a_checkpoint_that_carries_code_is_refused_and_nothing_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, legacy: bool, plain_pickle: bool
) -> None:
    trap, file = tmp_path / "trap", tmp_path / "evil.pth"
    monkeypatch.setenv("BOMB", str(trap))
    if plain_pickle:
        file.write_bytes(pickle.dumps({"net": _Bomb()}, protocol=4 if legacy else 2))
    else:
        torch.save({"net": {"features.0.0.weight": _Bomb()}}, file, _use_new_zipfile_serialization=not legacy)
    with pytest.raises(BadInput, match=r"evil\.pth: refused: the file carries code"):
        load_checkpoint(file)
    assert not trap.exists()


def test_every_truncation_of_a_published_file_is_an_error(tmp_path: Path, published: dict[str, torch.Tensor]) -> None:
    for legacy in (False, True):
        whole = tmp_path / "whole.pth"
        torch.save(published, whole, _use_new_zipfile_serialization=not legacy)
        content = whole.read_bytes()
        for size in (0, 1, 20, len(content) // 3, len(content) - 100, len(content) - 1):
            (tmp_path / "cut.pth").write_bytes(content[:size])
            with pytest.raises(BadInput, match=r"cut\.pth: .*byte"):
                load_checkpoint(tmp_path / "cut.pth")


def test_every_truncation_of_ours_is_an_error(tmp_path: Path, model: torch.nn.Module) -> None:
    file = tmp_path / "ours.safetensors"
    save_checkpoint(file, model, CARD)
    content = file.read_bytes()
    for size in (0, 7, 100, len(content) // 2, len(content) - 1):
        file.write_bytes(content[:size])
        with pytest.raises(BadInput, match=rf"ours\.safetensors: .*{size} bytes"):
            load_checkpoint(file)


def test_missing_unknown_and_misshapen_keys_are_named(tmp_path: Path, published: dict[str, torch.Tensor]) -> None:
    def error(state: dict[str, torch.Tensor]) -> str:
        torch.save(state, tmp_path / "bad.pth")
        with pytest.raises(BadInput) as caught:
            load_checkpoint(tmp_path / "bad.pth")
        return str(caught.value)

    assert "key 'features.4.conv.7.weight' is missing" in error(
        {key: value for key, value in published.items() if key != "features.4.conv.7.weight"}
    )
    assert "'features.4.conv.7.weight' has shape (3, 3)" in error(
        published | {"features.4.conv.7.weight": torch.zeros(3, 3)}
    )
    assert "key 'nonsense.weight' is not in the network" in error(published | {"nonsense.weight": torch.zeros(1)})
    assert "holds no state dict" in error([1, 2])  # type: ignore[arg-type]
    assert "no key of a MicroBotNet" in error({"w": torch.zeros(1)})


def test_a_wrong_architecture_is_named(tmp_path: Path, published: dict[str, torch.Tensor]) -> None:
    torch.save(published, tmp_path / "published.pth")
    with pytest.raises(BadInput, match=r"'features\.1\.conv\.0\.weight' has shape"):
        load_checkpoint(tmp_path / "published.pth", ARCHITECTURE | {"width": 0.5})


def test_cards_are_checked(tmp_path: Path, model: torch.nn.Module) -> None:
    file, card = tmp_path / "mine.safetensors", tmp_path / "mine.json"
    save_checkpoint(file, model, CARD)
    for content, message in [
        ("{", "not JSON"),
        ("[]", "field missing or wrong"),
        (json.dumps(CARD | {"architecture": {"name": "microbotnet"}}), "field missing or wrong: 'width'"),
        (json.dumps(CARD | {"architecture": ARCHITECTURE | {"name": "microbotnett"}}), "did you mean 'microbotnet'"),
    ]:
        card.write_text(content)
        with pytest.raises(BadInput, match=message):
            load_checkpoint(file)
    card.unlink()
    with pytest.raises(BadInput, match=r"mine\.json: missing.*--net"):
        load_checkpoint(file)
    assert _same(load_checkpoint(file, {"name": "microbotnet", "width": 0.25}).model, model)


def test_no_such_checkpoint_lists_the_shipped_ones(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such checkpoint"):
        load_checkpoint(tmp_path / "absent.pth")
    with pytest.raises(BadInput, match="is a folder"):
        load_checkpoint(tmp_path)


@pytest.mark.parametrize("name", shipped_cards())
def test_shipped_weights_score_what_their_cards_say(
    micro_robot_folder: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("MICROBOTNET_DATA", str(micro_robot_folder))
    checkpoint = load_checkpoint(name)
    assert evaluate_on(checkpoint, open_source(checkpoint.card["data"]["name"]))["top1"] == pytest.approx(
        checkpoint.card["metrics"]["top1"], abs=0.02
    )


def test_every_altered_byte_of_weights_is_noticed(
    tmp_path: Path, model: torch.nn.Module, published: dict[str, torch.Tensor]
) -> None:
    save_checkpoint(tmp_path / "ours.safetensors", model, CARD)
    torch.save(published, tmp_path / "published.pth")
    random = torch.Generator().manual_seed(0)
    for file in (tmp_path / "ours.safetensors", tmp_path / "published.pth"):
        content = file.read_bytes()
        before = load_checkpoint(file).model
        for place in torch.randint(len(content), (60,), generator=random).tolist():
            file.write_bytes(content[:place] + bytes([content[place] ^ 16]) + content[place + 1 :])
            try:
                loaded = load_checkpoint(file)
            except BadInput:
                continue
            assert _same(loaded.model, before), place  # a zip archive has bytes that say nothing
        file.write_bytes(content)
        load_checkpoint(file)


def test_weights_without_their_digest_are_taken(tmp_path: Path, model: torch.nn.Module) -> None:
    file = tmp_path / "ours.safetensors"
    save_checkpoint(file, model, CARD)
    card = json.loads(file.with_suffix(".json").read_text())
    assert len(card.pop("sha256")) == 64
    file.with_suffix(".json").write_text(json.dumps(card))
    assert _same(load_checkpoint(file).model, model)


@pytest.mark.parametrize(
    "text",
    ["[" * 99_999, '{"architecture": ' * 9999, '{"architecture": {"width": 1e999}}', "[]", "3", '"card"', "null"],
)
def test_a_card_of_another_kind_is_refused(tmp_path: Path, model: torch.nn.Module, text: str) -> None:
    file = tmp_path / "ours.safetensors"
    save_checkpoint(file, model, CARD)
    file.with_suffix(".json").write_text(text)
    with pytest.raises(BadInput, match=r"ours\.json: "):
        load_checkpoint(file)


def test_a_damaged_inside_of_an_older_file_is_refused(tmp_path: Path, published: dict[str, torch.Tensor]) -> None:
    file = tmp_path / "old.pth"
    torch.save({key: published[key] for key in list(published)[:9]}, file, _use_new_zipfile_serialization=False)
    content, refused = file.read_bytes(), 0
    random = torch.Generator().manual_seed(1)
    for place in torch.randint(min(3000, len(content)), (150,), generator=random).tolist():
        file.write_bytes(content[:place] + bytes([content[place] ^ 85]) + content[place + 1 :])
        try:
            read_state(file)
        except BadInput:
            refused += 1
    assert refused > 30
