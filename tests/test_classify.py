"""Files and folders in, answers out, in order; one bad file stops no other."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from microbotnet.classify import Answer, classify
from microbotnet.preprocessing import Pixels

CLASSES = ["red", "green", "blue"]


def brightest_channel(pictures: Pixels) -> np.ndarray:
    """Probabilities by the mean of each channel."""
    means = pictures.mean((2, 3), dtype=np.float64) + 1e-9
    return (means / means.sum(1, keepdims=True)).astype(np.float32)


def answers(*files: object, top: int = 1) -> list[Answer]:
    return list(classify([str(file) for file in files], brightest_channel, CLASSES, top=top))


def first(answer: Answer) -> str:
    return answer.predictions[0][0]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, colour in (("b.png", "lime"), ("a.JPG", "red"), ("c.webp", "blue")):
        Image.new("RGB", (50, 40), colour).save(tmp_path / name)
    return tmp_path


def test_a_folder_gives_its_pictures_by_name(folder: Path) -> None:
    (folder / "README.md").write_text("not a picture")
    (folder / "inner.png").mkdir()
    Image.new("RGB", (9, 9)).save(folder / "inner.png" / "deeper.png")
    found = answers(folder)
    assert [(a.file, first(a)) for a in found] == [
        (str(folder / "a.JPG"), "red"),
        (str(folder / "b.png"), "green"),
        (str(folder / "c.webp"), "blue"),
    ]


def test_bad_files_keep_their_place_among_the_good(folder: Path) -> None:
    (folder / "d.png").touch()
    (folder / "nothing").mkdir()
    (folder / "e.png").symlink_to("nowhere")
    (folder / "f.png").symlink_to("b.png")
    found = answers(folder / "c.webp", "missing.png", folder, folder / "nothing", folder / "c.webp")
    assert [a.error or first(a) for a in found] == [
        "blue",
        "missing.png: cannot be read (No such file or directory)",
        "red",
        "green",
        "blue",
        f"{folder}/d.png: empty",
        f"{folder}/e.png: cannot be read (No such file or directory)",
        "green",
        f"{folder}/nothing: no pictures in this folder",
        "blue",
    ]
    assert all(bool(a.error) != bool(a.predictions) for a in found)


def test_the_likeliest_come_first_and_no_more_than_there_are(tmp_path: Path) -> None:
    Image.new("RGB", (32, 32), (50, 150, 100)).save(tmp_path / "a.png")
    (answer,) = answers(tmp_path / "a.png", top=9)
    assert [label for label, _ in answer.predictions] == ["green", "blue", "red"]
    assert [p for _, p in answer.predictions] == pytest.approx([1 / 2, 1 / 3, 1 / 6], abs=1e-6)


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    content = io.BytesIO()
    Image.new("RGB", (64, 64), "blue").save(content, "PNG")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content.getvalue())))
    found = answers("-", "-")
    assert first(found[0]) == "blue"
    assert found[1].error == "standard input: empty"


def test_many_pictures_are_predicted_in_chunks_as_they_are_asked_for(folder: Path) -> None:
    batches: list[int] = []

    def predict(pictures: Pixels) -> np.ndarray:
        batches.append(len(pictures))
        return brightest_channel(pictures)

    names = [str(folder / name) for name in ("a.JPG", "b.png", "missing.png") * 100]
    stream = classify(iter(names), predict, CLASSES)
    next(stream)
    assert len(batches) == 1  # the rest is not read ahead
    found = [*stream]
    assert [first(a) if a.predictions else None for a in found[2:]] == ["red", "green", None] * 99
    assert sum(batches) == 200
    assert max(batches) <= 64


def test_a_network_of_large_pictures_gets_smaller_chunks(folder: Path) -> None:
    shapes = []

    def predict(pictures: Pixels) -> np.ndarray:
        shapes.append(pictures.shape)
        return brightest_channel(pictures)

    assert len(list(classify([str(folder)] * 3, predict, CLASSES, size=224))) == 9
    assert shapes == [(5, 3, 224, 224), (4, 3, 224, 224)]


def test_nothing_to_predict_calls_no_network(tmp_path: Path) -> None:
    def predict(pictures: Pixels) -> np.ndarray:
        raise AssertionError

    assert [a.error for a in classify([str(tmp_path)], predict, CLASSES)] == [f"{tmp_path}: no pictures in this folder"]
