"""Counting on walks: hand-made decisions add up, and voting is applied within each stream alone."""

import numpy as np

from microbotnet.stream.approach import Score, Walked, survey, walk_up
from microbotnet.stream.voting import BestOfLast, Majority
from microbotnet.stream.walk import Walk

RULES = {"none": BestOfLast(1), "best-of-last-3": BestOfLast(3)}
SMALL = Walk(approaches=2, steps=3, angles=4)


def said(*acorn: float) -> np.ndarray:
    return np.array([[p, 1 - p] for p in acorn])


def frames(count: int) -> np.ndarray:
    return np.zeros((count, 3, 8, 8), np.uint8)


def test_the_last_decision_of_an_approach_and_every_angle_count() -> None:
    walked = Walked(
        (frames(3), frames(3), frames(2)),
        (said(0.9, 0.8, 0.4), said(0.1, 0.2, 0.6), said(0.7, 0.4)),
        {"none": ((0, 0, 1), (1, 1, 0), (0, 1)), "best-of-last-3": ((0, 0, 0), (1, 1, 1), (0, 0))},
    )
    assert walked.reached("none") == [1, 0]
    score = Score()
    score.add(walked, 0)
    score.add(walked, 1)
    assert score == Score(2, 4, 4, {"none": 1 + 1, "best-of-last-3": 1 + 1}, {"none": 1 + 1, "best-of-last-3": 2 + 0})
    assert (score + score).right_angles == {"none": 4, "best-of-last-3": 4}


def test_votes_never_cross_from_one_approach_to_the_next() -> None:
    """A network sure of class 0 in the first approach alone leaves no trace in the second."""

    def predict(pictures: np.ndarray) -> np.ndarray:
        assert pictures.shape == (2 * 3 + 4, 3, 32, 32)
        return np.concatenate([said(0.99, 0.99, 0.99), said(0.4, 0.4, 0.4), said(0.45, 0.45, 0.45, 0.45)])

    walked = walk_up(frames(1)[0], SMALL, predict, {**RULES, "majority": Majority()})
    for rule in ("none", "best-of-last-3", "majority"):
        assert walked.decided[rule] == ((0, 0, 0), (1, 1, 1), (1, 1, 1, 1))
    rows = walked.to_json(["acorn", "nail"])
    assert rows["synthetic"] is True
    assert rows["approaches"][0]["frames"][0] == {"label": "acorn", "probability": 0.99}
    assert rows["turn"]["decided"]["none"] == ["nail"] * 4


def test_a_survey_counts_class_by_class() -> None:
    def predict(pictures: np.ndarray) -> np.ndarray:
        return np.tile([0.8, 0.2], (len(pictures), 1))

    seen: list[int] = []
    pictures = [(frames(1)[0], 0), (frames(1)[0], 1), (frames(1)[0], 0)]
    found = survey(pictures, ("acorn", "nail"), SMALL, predict, RULES, on_picture=seen.append).to_json()
    assert seen == [1, 2, 3]
    assert found["classes"]["acorn"]["right_approaches"] == {"none": 4, "best-of-last-3": 4}
    assert found["classes"]["nail"]["right_angles"] == {"none": 0, "best-of-last-3": 0}
    assert found["total"]["approaches"] == 6
    assert found["total"]["angles"] == 12
    assert found["walk"]["angles"] == 4


def test_the_same_walks_give_the_same_counts() -> None:
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (3, 64, 64), np.uint8)
    weights = rng.normal(size=(3 * 32 * 32, 2))

    def predict(pictures: np.ndarray) -> np.ndarray:
        return pictures.reshape(len(pictures), -1) / 255 @ weights

    first, again = (survey([(picture, 0), (picture, 0)], "ab", SMALL, predict, RULES).to_json() for _ in range(2))
    assert first == again
