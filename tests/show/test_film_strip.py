"""The film strip holds the frames, pixel for pixel, and the colours of right and wrong."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageColor

from microbotnet.show.film_strip import NEUTRAL, RIGHT, WRONG, film_strip
from microbotnet.stream.approach import Walked, walk_up
from microbotnet.stream.voting import BestOfLast
from microbotnet.stream.walk import Walk

CLASSES = ("acorn", "a class with a very long name indeed")
WALK = Walk(approaches=4, steps=6, angles=16)


@pytest.fixture(scope="module")
def walked() -> Walked:
    picture = np.random.default_rng(0).integers(0, 256, (3, 64, 64), np.uint8)

    def predict(frames: np.ndarray) -> np.ndarray:
        first = np.arange(len(frames)) % 2
        return np.stack([0.2 + 0.6 * first, 0.8 - 0.6 * first], 1)

    return walk_up(picture, WALK, predict, {"none": BestOfLast(1)})


def strip(walked: Walked, label: int | None) -> np.ndarray:
    return np.asarray(Image.open(BytesIO(film_strip(walked, WALK, CLASSES, "none", "A walk", label))))


def count(page: np.ndarray, colour: str) -> int:
    return int((page == ImageColor.getrgb(colour)).all(2).sum())


def test_right_and_wrong_are_coloured_where_the_class_is_known(walked: Walked) -> None:
    page = strip(walked, 0)
    assert count(page, RIGHT) == pytest.approx(count(page, WRONG), rel=0.3)  # every other frame is right
    assert count(page, NEUTRAL) == 0
    page = strip(walked, None)
    assert count(page, RIGHT) == count(page, WRONG) == 0
    assert count(page, NEUTRAL) > 1000


def test_every_frame_of_the_strips_shown_is_there(walked: Walked) -> None:
    page = strip(walked, 0)
    for stream, times in ((walked.frames[0], 6), (walked.frames[3], 6), (walked.frames[4], 2)):
        for frame in stream:
            large = frame.transpose(1, 2, 0).repeat(times, 0).repeat(times, 1)
            places = np.flatnonzero((page[:, :-1] == large[0, 0]).all(2))
            found = False
            for place in places:
                y, x = divmod(int(place), page.shape[1] - 1)
                cut = page[y : y + large.shape[0], x : x + large.shape[1]]
                if cut.shape == large.shape and (cut == large).all():
                    found = True
                    break
            assert found


def test_names_beyond_the_fonts_letters_are_readable(walked: Walked) -> None:
    def page(classes: tuple[str, str], title: str) -> bytes:
        return film_strip(walked, WALK, classes, "none", title)

    assert page(("écureuil", "蜗牛"), "Ça: a walk") == page(("ecureuil", "class 1"), "Ca: a walk")


def test_a_walk_of_one_frame_is_a_film_too() -> None:
    walk = Walk(approaches=1, steps=1, angles=1)
    only = walk_up(np.zeros((3, 1, 1), np.uint8), walk, lambda f: np.ones((len(f), 1)), {"none": BestOfLast(1)}, size=8)
    assert Image.open(BytesIO(film_strip(only, walk, ["x"], "none", "One", 0))).width > 100
