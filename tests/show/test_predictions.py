"""Confusion, accuracy and mistakes against hand-counted ones; the interval against published values."""

from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from microbotnet.show.confusion import class_accuracy, confusion_matrix
from microbotnet.show.predictions import Predictions, wilson

from .drawings import SVG, assert_readable

CLASSES = ("acorn", "nail", "snail")


def predictions(
    labels: list[int], said: list[int], sure: list[float], classes: tuple[str, ...] = CLASSES
) -> Predictions:
    probabilities = np.zeros((len(labels), len(classes)))
    for row, label, p in zip(probabilities, said, sure, strict=True):
        row[:] = (1 - p) / (len(classes) - 1)
        row[label] = p
    return Predictions(classes, np.zeros((len(labels), 3, 4, 4), np.uint8), np.array(labels), probabilities)


SIX = predictions([0, 0, 0, 1, 1, 0], [0, 1, 1, 1, 0, 2], [0.9, 0.8, 0.95, 0.7, 0.99, 0.6])


def test_hand_counted() -> None:
    assert SIX.confusion.tolist() == [[1, 2, 1], [1, 1, 0], [0, 0, 0]]
    assert SIX.top1 == pytest.approx(100 / 3)
    assert SIX.known == [0, 1]
    assert SIX.accuracy(0)[0] == 0.25
    assert SIX.worst(3) == [4, 2, 1]
    assert SIX.pairs(2) == [(0, 1, 2), (0, 2, 1)]
    assert SIX.to_json()["classes"] == {"acorn": 25.0, "nail": 50.0}


@pytest.mark.parametrize(
    ("right", "of", "low", "high"),
    # Newcombe 1998, Statistics in Medicine 17, table I, method 3
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_the_interval_is_the_published_one(right: int, of: int, low: float, high: float) -> None:
    assert wilson(right, of) == pytest.approx((low, high), abs=6e-5)


@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_holds_the_share(counts: tuple[int, int]) -> None:
    low, high = wilson(*counts)
    assert 0 <= low <= counts[0] / counts[1] + 1e-12
    assert counts[0] / counts[1] - 1e-12 <= high <= 1


def test_the_matrix_shows_every_count() -> None:
    root = ElementTree.fromstring(confusion_matrix(SIX))
    tips = {title.text for title in root.iter(f"{SVG}title")}
    assert "acorn, taken for nail: 2 of 4" in tips
    assert "nail, taken for nail: 1 of 2" in tips
    assert not any(tip and tip.startswith("snail,") for tip in tips)
    numbers = [text.text for text in root.iter(f"{SVG}text") if (text.text or "").isdigit()]
    assert sorted(numbers) == ["1", "1", "1", "1", "2"]


@pytest.mark.parametrize("count", [2, 20])
def test_charts_are_readable(count: int) -> None:
    names = tuple(f"a_class_name_{i}" for i in range(count))
    rng = np.random.default_rng(count)
    found = predictions(
        list(range(count)) * 50, rng.integers(0, count, 50 * count).tolist(), [0.9] * (50 * count), classes=names
    )
    assert_readable(class_accuracy(found))
    root = ElementTree.fromstring(confusion_matrix(found))
    width, height = map(float, root.attrib["viewBox"].split()[2:])
    turned = [text for text in root.iter(f"{SVG}text") if "transform" in text.attrib]
    assert len(turned) == count
    for text in turned:
        reach = 0.65 * 10.5 * len(text.text or "") * 2**-0.5
        assert float(text.attrib["x"]) + reach < width
        assert float(text.attrib["y"]) - reach > 42
    for rect in root.iter(f"{SVG}rect"):
        if "%" not in rect.attrib["width"]:
            assert float(rect.attrib["x"]) + float(rect.attrib["width"]) <= width
            assert float(rect.attrib["y"]) + float(rect.attrib["height"]) <= height
