"""Voting rules: the last few frames decide together what the camera sees.

A rule reads a window of score vectors, the oldest first, and names a class. Scores are probabilities (float) or the
network's integer outputs (logits), which all have one scale. The three rules, on the window s_1 … s_T of T ≤ N frames
over C classes, where c_t is the class of frame t (its largest score; of equal ones the lowest class):

- best of the last N: c_t of the frame with the highest confidence; of equally confident ones the latest.
- majority: the class that most c_t name; of classes named equally often, the one named latest.
- mean: the class with the largest sum of scores over the window; of equal ones the lowest class.

Confidence of a probability vector is its largest value. Of integer logits it is the largest minus the second largest
value (0 where there is one class), which needs no exponential: it is the logarithm of how many times likelier the first
class is than the second. The sum of integer logits, too, stands for a product of probabilities, so on integers the
mean is the geometric one. `backends.c.vote` writes the rules on integers in C, decision for decision the same; its sums
of N logits of 16 bits fit in 32 bits.

A frame that cannot be read does not enter the window. Until N frames came, the window holds those there are.
"""

import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ..errors import BadInput

Scores = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Vote:
    """What a window decided: the class, and the rule's own measure of how sure it is.

    `strength` is the deciding frame's confidence (best of the last N), the share of frames that named the class
    (majority), or the mean of its scores (mean).
    """

    label: int
    strength: float


class Rule(Protocol):
    """A voting rule over the last `window` frames."""

    @property
    def window(self) -> int:
        """How many frames decide, at most."""

    def decide(self, scores: Scores) -> Vote:
        """The vote of `scores`, T×C, T ≥ 1, the oldest frame first."""


@dataclass(frozen=True)
class BestOfLast:
    """The most confident of the last frames decides; with a window of 1 each frame for itself."""

    window: int = 3

    def decide(self, scores: Scores) -> Vote:
        sure = confidence(scores)
        frame = len(sure) - 1 - int(np.argmax(sure[::-1]))
        return Vote(int(np.argmax(scores[frame])), float(sure[frame]))


@dataclass(frozen=True)
class Majority:
    """The class that most of the last frames name."""

    window: int = 3

    def decide(self, scores: Scores) -> Vote:
        named = np.argmax(scores, 1).tolist()
        label = max(reversed(named), key=named.count)  # max keeps the first of equals: the latest
        return Vote(label, named.count(label) / len(named))


@dataclass(frozen=True)
class Mean:
    """The class with the largest mean score over the last frames."""

    window: int = 3

    def decide(self, scores: Scores) -> Vote:
        sums = scores.sum(0, dtype=np.int64 if scores.dtype.kind in "iu" else np.float64)
        label = int(np.argmax(sums))
        return Vote(label, float(sums[label]) / len(scores))


RULES: dict[str, type[BestOfLast] | type[Majority] | type[Mean]] = {
    "best": BestOfLast,
    "majority": Majority,
    "mean": Mean,
}


def rule_named(name: str) -> Rule:
    """The rule of a name: "best-of-last-3", "majority", "mean-of-last-5", …; "none" is each frame for itself.

    Raises:
        BadInput: there is no such rule.
    """
    if name == "none":
        return BestOfLast(1)
    match = re.fullmatch(r"(best|majority|mean)(?:-of-last-([1-9]\d{0,3}))?", name)
    if not match:
        raise BadInput(
            f"no voting rule {name!r}; give none, best-of-last-3, majority, mean, or these with another -of-last-N"
        )
    return RULES[match[1]](int(match[2] or 3))


def confidence(scores: Scores) -> Scores:
    """How sure each frame is, T: the largest probability; of integer logits the largest less the second largest."""
    if scores.dtype.kind not in "iu":
        return np.asarray(scores.max(1))
    if scores.shape[1] < 2:
        return np.zeros(len(scores), np.int64)
    two = np.partition(scores.astype(np.int64), -2, 1)[:, -2:]
    return np.asarray(two[:, 1] - two[:, 0])


class Window:
    """The last frames of a stream, deciding under `rule`."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self._last: deque[Scores] = deque(maxlen=rule.window)

    def add(self, scores: Scores) -> Vote:
        """The vote after one more frame, whose scores are (C,)."""
        self._last.append(scores)
        return self.rule.decide(np.stack(self._last))


def votes(rule: Rule, scores: Scores | Sequence[Scores]) -> list[Vote]:
    """The vote after each frame of a whole stream, T×C."""
    window = Window(rule)
    return [window.add(frame) for frame in scores]
