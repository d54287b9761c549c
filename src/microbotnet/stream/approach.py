"""What a network decides on synthetic walks up to objects, with and without voting."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..data.micro_robot import SETS, load_micro_robot
from ..errors import BadInput
from ..preprocessing import Pixels
from .voting import Rule, Scores, votes
from .walk import NOTE, Walk, streams


@dataclass(frozen=True)
class Walked:
    """The walks up to one picture's object: every stream's frames, scores and decisions.

    frames: of each approach in turn, and last of the turn in front of the object; uint8, T×3×S×S.
    scores: of the frames, T×classes.
    decided: by the rule's name, the class after each frame of each stream.
    """

    frames: tuple[Pixels, ...]
    scores: tuple[Scores, ...]
    decided: Mapping[str, tuple[tuple[int, ...], ...]]

    def reached(self, rule: str) -> list[int]:
        """What is decided when an approach ends, of each approach."""
        return [stream[-1] for stream in self.decided[rule][:-1]]

    def turned(self, rule: str) -> tuple[int, ...]:
        """What is decided at each angle."""
        return self.decided[rule][-1]

    def to_json(self, classes: Sequence[str]) -> dict[str, Any]:
        """Plain values: each frame's own answer, and what each rule decided."""
        rows = []
        for number, scores in enumerate(self.scores):
            own = scores.argmax(1)
            rows.append(
                {
                    "frames": [
                        {"label": classes[label], "probability": round(float(row[label]), 6)}
                        for row, label in zip(scores, own, strict=True)
                    ],
                    "decided": {
                        name: [classes[label] for label in streams[number]] for name, streams in self.decided.items()
                    },
                }
            )
        return {"synthetic": True, "note": NOTE, "approaches": rows[:-1], "turn": rows[-1]}


def walk_up(
    picture: Pixels,
    walk: Walk,
    predict: Callable[[Pixels], Scores],
    rules: Mapping[str, Rule],
    *,
    size: int = 32,
    key: int = 0,
) -> Walked:
    """Walk up to the object in `picture` and decide under every rule.

    Args:
        picture: uint8, 3×H×H.
        walk: how.
        predict: from frames, uint8, N×3×size×size, to scores, N×classes.
        rules: by name.
        size: side of the frames in pixels.
        key: which picture; see `walk.approach`.
    """
    frames = tuple(streams(picture, walk, size, key))
    ends = np.cumsum([len(stream) for stream in frames])
    scores = tuple(np.split(predict(np.concatenate(frames)), ends[:-1]))
    decided = {
        name: tuple(tuple(vote.label for vote in votes(rule, stream)) for stream in scores)
        for name, rule in rules.items()
    }
    return Walked(frames, scores, decided)


@dataclass
class Score:
    """How many approaches and angles of a class were decided rightly, by the rule's name."""

    pictures: int = 0
    approaches: int = 0
    angles: int = 0
    right_approaches: dict[str, int] = field(default_factory=dict)
    right_angles: dict[str, int] = field(default_factory=dict)

    def add(self, walked: Walked, label: int) -> None:
        """Count the walks up to one more picture, which shows class `label`."""
        self.pictures += 1
        self.approaches += len(walked.frames) - 1
        self.angles += len(walked.frames[-1])
        for rule in walked.decided:
            right = sum(found == label for found in walked.reached(rule))
            self.right_approaches[rule] = self.right_approaches.get(rule, 0) + right
            right = sum(found == label for found in walked.turned(rule))
            self.right_angles[rule] = self.right_angles.get(rule, 0) + right

    def __add__(self, other: "Score") -> "Score":
        rules = self.right_approaches | other.right_approaches
        return Score(
            self.pictures + other.pictures,
            self.approaches + other.approaches,
            self.angles + other.angles,
            {r: self.right_approaches.get(r, 0) + other.right_approaches.get(r, 0) for r in rules},
            {r: self.right_angles.get(r, 0) + other.right_angles.get(r, 0) for r in rules},
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


@dataclass(frozen=True)
class Survey:
    """Walks up to many pictures: the score of each class that there were pictures of."""

    walk: Walk
    rules: tuple[str, ...]
    classes: dict[str, Score]

    @property
    def total(self) -> Score:
        """Over all classes."""
        return sum(self.classes.values(), Score())

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "synthetic": True,
            "note": NOTE,
            "walk": asdict(self.walk),
            "rules": list(self.rules),
            "total": self.total.to_json(),
            "classes": {name: score.to_json() for name, score in self.classes.items()},
        }


def survey(
    pictures: Iterable[tuple[Pixels, int]],
    classes: Sequence[str],
    walk: Walk,
    predict: Callable[[Pixels], Scores],
    rules: Mapping[str, Rule],
    *,
    size: int = 32,
    on_picture: Callable[[int], None] = lambda done: None,
) -> Survey:
    """Walk up to every picture; see `walk_up`.

    Args:
        pictures: each, uint8, 3×H×H, with the number of its class in `classes`. The how-many-th it is, is its key.
        on_picture: told how many are done.
    """
    scores: dict[str, Score] = {}
    for key, (picture, label) in enumerate(pictures):
        walked = walk_up(picture, walk, predict, rules, size=size, key=key)
        scores.setdefault(classes[label], Score()).add(walked, label)
        on_picture(key + 1)
    return Survey(walk, tuple(rules), scores)


def micro_robot_pictures(classes: Sequence[str], folder: Path | None = None) -> list[tuple[Pixels, int]]:
    """The Micro Robot Dataset's test pictures of those of its classes that are in `classes`, class by class.

    Args:
        classes: a network's.
        folder: see `data.micro_robot.find_micro_robot`.

    Returns:
        each picture, uint8, 3×64×64, and its number in `classes`; acorns first, as in the set `combined`.

    Raises:
        BadInput: no class of `classes` is in the set, or the data are damaged.
        Failed: the data are not there and cannot be fetched.
    """
    known = SETS["combined"]
    if not set(known) & set(classes):
        raise BadInput(f"the network knows none of the dataset's classes, {', '.join(known)}")
    pictures, labels = load_micro_robot("combined", "test", folder)
    return [
        (picture, classes.index(name))
        for number, name in enumerate(known)
        if name in classes
        for picture in pictures[labels == number].numpy()
    ]
