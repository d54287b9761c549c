"""Pictures to calibrate with, from any folder."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from microbotnet.data.sample import sample_pictures
from microbotnet.errors import BadInput


def paint(file: Path, grey: int, size: int = 8) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (size, size), (grey,) * 3).save(file)


def greys(pictures: np.ndarray) -> list[int]:
    assert (pictures == pictures[:, :1, :1, :1]).all()
    return pictures[:, 0, 0, 0].tolist()


def test_pictures_straight_in_a_folder(tmp_path: Path) -> None:
    for i in range(3):
        paint(tmp_path / f"{i}.png", 10 * i)
    (tmp_path / "notes.txt").write_text("no picture")
    pictures = sample_pictures(str(tmp_path), 8, 100)
    assert (pictures.shape, pictures.dtype) == ((3, 3, 8, 8), np.uint8)
    assert greys(pictures) == [0, 10, 20]


def test_of_train_and_test_only_train_is_taken(tmp_path: Path) -> None:
    for name, grey in (("train/a/1", 1), ("train/b/1", 2), ("test/a/1", 3)):
        paint(tmp_path / f"{name}.png", grey, size=20)
    pictures = sample_pictures(str(tmp_path), 8, 100)
    assert pictures.shape == (2, 3, 8, 8)
    assert greys(pictures) == [1, 2]


def test_a_large_folder_is_sampled_from_one_end_to_the_other(tmp_path: Path) -> None:
    for i in range(10):
        paint(tmp_path / f"{'ab'[i // 5]}" / f"{i}.png", i)
    assert greys(sample_pictures(str(tmp_path), 8, 4)) == [0, 2, 5, 7]


def test_the_micro_robot_set_at_the_networks_size(micro_robot_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MICROBOTNET_DATA", str(micro_robot_folder))
    assert sample_pictures("micro-robot/micro", 32, 20).shape == (20, 3, 32, 32)


def test_what_cannot_be_sampled_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no pictures in this folder"):
        sample_pictures(str(tmp_path), 8, 4)
    (tmp_path / "odd.png").write_bytes(b"no picture")
    with pytest.raises(BadInput, match=r"odd\.png"):
        sample_pictures(str(tmp_path), 8, 4)
    with pytest.raises(BadInput, match="no such folder"):
        sample_pictures(str(tmp_path / "nowhere"), 8, 4)
