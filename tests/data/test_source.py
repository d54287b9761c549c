"""What `--data` may name."""

from itertools import product
from pathlib import Path

import pytest
from PIL import Image

from microbotnet import BadInput
from microbotnet.data import cifar10
from microbotnet.data.folder import list_folder
from microbotnet.data.micro_robot import SETS
from microbotnet.data.source import NAMED, check_unseen, open_source


def test_cifar10_by_name_and_by_its_folder(cifar10_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MICROBOTNET_DATA", str(cifar10_folder))
    for data in (None, "cifar10", cifar10_folder, cifar10_folder / cifar10.FOLDER):
        source = open_source(data)
        assert (source.name, source.key, source.classes) == ("cifar10", "cifar10", cifar10.CLASSES)
        pictures, labels = source.load("test")
        assert (pictures.shape, len(labels)) == ((10_000, 3, 32, 32), 10_000)


def test_a_folder_with_cifar10_and_others_is_cifar10s(tmp_path: Path) -> None:
    (tmp_path / "tiny-imagenet-200" / "train").mkdir(parents=True)
    (tmp_path / cifar10.FOLDER).mkdir()
    (tmp_path / cifar10.FOLDER / "test_batch.bin").touch()
    assert open_source(tmp_path).name == "cifar10"
    assert open_source(tmp_path / cifar10.FOLDER).name == "cifar10"


def test_an_empty_folder_is_where_cifar10_is_fetched_to(tmp_path: Path) -> None:
    assert open_source(tmp_path).name == "cifar10"


def test_pictures_without_classes_are_no_set(tmp_path: Path) -> None:
    Image.new("RGB", (9, 9)).save(tmp_path / "a.png")
    with pytest.raises(BadInput, match="no class folders; a set of pictures has a folder for each class"):
        open_source(tmp_path)


@pytest.mark.parametrize("name", SETS)
def test_the_micro_robot_sets(micro_robot_folder: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("MICROBOTNET_DATA", str(micro_robot_folder))
    source = open_source(f"micro-robot/{name}")
    assert source.name in NAMED
    assert source.classes == SETS[name]
    pictures, labels = source.load("test")
    assert pictures.shape == (50 * len(SETS[name]), 3, 64, 64)
    assert labels.bincount().tolist() == [50] * len(SETS[name])


def test_a_folder_of_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda name: str(tmp_path / "cache"))
    for name in ("ant", "cup"):
        (tmp_path / "robot" / name).mkdir(parents=True)
        for i in range(4):
            Image.new("RGB", (9, 9), (i, 0, 0)).save(tmp_path / "robot" / name / f"{i}.png")
    source = open_source(tmp_path / "robot", size=12, split=0.25)
    assert (source.name, source.classes) == ("robot", ("ant", "cup"))
    assert source.load("train")[0].shape == (6, 3, 24, 24)
    assert source.load("test")[1].tolist() == [0, 1]
    key = source.key
    Image.new("RGB", (9, 9)).save(tmp_path / "robot" / "cup" / "new.png")
    assert open_source(tmp_path / "robot", size=12, split=0.25).key != key


def test_no_network_is_tested_with_pictures_of_its_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Held against the lists of files: a split is refused just where a test picture was trained on."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    root = tmp_path / "parts"
    for name, count in {"bolt": 12, "nut": 7}.items():
        (root / name).mkdir(parents=True)
        for i in range(count):
            Image.new("RGB", (9, 9), (i, 0, 0)).save(root / name / f"{i}.png")
    shares = (None, 0.05, 0.2, 0.5, 0.9)
    for trained, tested in product(shares, shares):
        card = {"name": "parts", "split": open_source(root, split=trained).share}
        files = list_folder(root, trained).files["train"], list_folder(root, tested).files["test"]
        source = open_source(root, split=tested)
        if set(files[0]) & set(files[1]):
            with pytest.raises(BadInput, match=r"net: was trained on parts with --split 0\.\d+, so it has seen some"):
                check_unseen(source, card, "net")
        elif source.share <= card["split"]:
            check_unseen(source, card, "net")
        check_unseen(source, card | {"name": "others"}, "net")
        assert open_source(root, split=tested, trained=card).share == (tested or card["split"])


@pytest.mark.parametrize(
    ("data", "split", "message"),
    [
        ("micro-robot/forest", None, "no Micro Robot set is named 'forest'; there are: outdoor, indoor"),
        ("cifar11", None, "cifar11: no such folder, nor one of cifar10, micro-robot/outdoor"),
        ("micro-robot/outdoor", 0.5, "has test pictures of its own"),
        (None, 0.5, "cifar10 has test pictures of its own"),
    ],
)
def test_what_is_wrong_is_named(data: str | None, split: float | None, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        open_source(data, split=split)
