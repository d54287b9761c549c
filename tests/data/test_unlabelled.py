"""Pictures without labels: which are taken, each once, and none that is tested with."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from microbotnet import BadInput
from microbotnet.data.source import open_source
from microbotnet.data.unlabelled import load_unlabelled


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda name: str(tmp_path / "cache"))


def put(path: Path, grey: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((16, 16, 3), grey, np.uint8)).save(path)


def greys(pictures: torch.Tensor) -> list[int]:
    return pictures[:, 0, 0, 0].tolist()


def test_a_folder_needs_no_classes_and_every_picture_comes_once(tmp_path: Path) -> None:
    for name, grey in {"b.png": 2, "a.png": 1, "trip/c.png": 3, "trip/again.png": 2, ".hidden.png": 9}.items():
        put(tmp_path / "frames" / name, grey)
    put(tmp_path / "more" / "d.png", 4)
    put(tmp_path / "more" / "e.png", 1)
    (tmp_path / "frames" / "notes.txt").write_text("no picture")
    pictures = load_unlabelled([str(tmp_path / "frames"), str(tmp_path / "more")], 8, ())
    assert (pictures.shape, pictures.dtype) == ((4, 3, 8, 8), torch.uint8)
    assert greys(pictures) == [1, 2, 3, 4]


def test_pictures_of_the_labelled_set_are_left_out_those_of_its_test_too(tmp_path: Path) -> None:
    for i in range(20):
        put(tmp_path / "set" / ("ant" if i % 2 else "cup") / f"{i}.png", 10 * i)
    source = open_source(tmp_path / "set", size=8, split=0.3)
    labelled = [source.load(part)[0] for part in ("train", "test")]
    everything = str(tmp_path / "set")
    with pytest.raises(BadInput, match="set: every picture in it is one to train or test with already; leave it out"):
        load_unlabelled([everything], 16, labelled)
    put(tmp_path / "set" / "of nobody.png", 7)
    assert greys(load_unlabelled([everything], 16, labelled)) == [7]


def test_a_named_set_gives_its_training_pictures(cifar10_folder: Path) -> None:
    wanted, _ = open_source(cifar10_folder).load("train")
    found = load_unlabelled([str(cifar10_folder)], 32, (wanted[:100],))
    assert {picture.numpy().tobytes() for picture in found} == {picture.numpy().tobytes() for picture in wanted[100:]}


def test_what_is_no_set_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "here.png", 1)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput, match="a set of unlabelled pictures has no name"):
        load_unlabelled([""], 32, ())
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match="empty: no pictures in it, nor in the folders below"):
        load_unlabelled([str(tmp_path / "empty")], 32, ())
    with pytest.raises(BadInput, match="nowhere: no such folder, nor one of"):
        load_unlabelled([str(tmp_path / "nowhere")], 32, ())
    put(tmp_path / "mixed" / "a.png", 1)
    (tmp_path / "mixed" / "b.png").write_bytes(b"no picture")
    with pytest.raises(BadInput, match=r"b\.png"):
        load_unlabelled([str(tmp_path / "mixed")], 32, ())
