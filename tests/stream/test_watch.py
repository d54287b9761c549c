"""A decision per frame; unreadable frames change no vote."""

import numpy as np

from microbotnet.stream.frames import Frame
from microbotnet.stream.voting import BestOfLast, Majority
from microbotnet.stream.watch import Decision, Tally, watch

CLASSES = ("acorn", "nail")


def frame(name: str, acorn: float) -> Frame:
    return Frame(name, np.full((3, 2, 2), round(100 * acorn), np.uint8))


def predict(pictures: np.ndarray) -> np.ndarray:
    acorn = pictures[:, 0, 0, 0] / 100
    return np.stack([acorn, 1 - acorn], 1)


def test_each_frame_gets_its_own_answer_and_the_votes() -> None:
    frames = [frame("a", 0.9), frame("b", 0.2), Frame("c", error="c: damaged"), frame("d", 0.3), frame("e", 0.4)]
    found = list(watch(frames, predict, CLASSES, BestOfLast(3)))
    assert found[2] == Decision("c", error="c: damaged")
    assert [d.label for d in found] == ["acorn", "nail", "", "nail", "nail"]
    assert [d.decided for d in found] == ["acorn", "acorn", "", "acorn", "nail"]
    assert [round(d.strength, 2) for d in found] == [0.9, 0.9, 0, 0.9, 0.8]


def test_the_tally_counts_what_was_and_was_not_read() -> None:
    tally = Tally()
    frames = [frame("a", 0.9), Frame("b", error="b: empty"), frame("c", 0.1), frame("d", 0.1)]
    for decision in watch(frames, predict, CLASSES, Majority(3)):
        tally.add(decision)
    assert tally.to_json() == {"frames": 3, "unreadable": 1, "decided": {"nail": 2, "acorn": 1}}


def test_frames_are_decided_as_they_come() -> None:
    def camera() -> object:
        yield frame("a", 0.9)
        raise AssertionError("the second frame was asked for before the first was decided")

    assert next(watch(camera(), predict, CLASSES, BestOfLast(3))).decided == "acorn"
