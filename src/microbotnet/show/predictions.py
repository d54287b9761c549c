"""What a network makes of a whole set of pictures: confusion, accuracy by class, the worst mistakes."""

from dataclasses import dataclass
from functools import cached_property
from math import sqrt
from typing import Any

import numpy as np

from ..preprocessing import Pixels

Numbers = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Predictions:
    """A network's answers to pictures whose classes are known.

    classes: the names. pictures: uint8, N×3×S×S. labels: int, N. probabilities: N×classes.
    """

    classes: tuple[str, ...]
    pictures: Pixels
    labels: Numbers
    probabilities: Numbers

    @cached_property
    def said(self) -> Numbers:
        """The likeliest class of each picture, N."""
        return np.asarray(self.probabilities.argmax(1))

    @cached_property
    def confusion(self) -> Numbers:
        """How many pictures of each class (row) were taken for each class (column), classes×classes."""
        count = len(self.classes)
        return np.bincount(self.labels * count + self.said, minlength=count * count).reshape(count, count)

    @property
    def top1(self) -> float:
        """Percent right."""
        return 100 * float((self.said == self.labels).mean())

    @property
    def known(self) -> list[int]:
        """The classes that there are pictures of."""
        return [int(i) for i in np.flatnonzero(self.confusion.sum(1))]

    def accuracy(self, label: int) -> tuple[float, float, float]:
        """Of a class: the share that is right, 0…1, and the ends of its 95 % interval (see `wilson`)."""
        row = self.confusion[label]
        return float(row[label] / row.sum()), *wilson(int(row[label]), int(row.sum()))

    def worst(self, count: int) -> list[int]:
        """The mistakes that the network was surest of, the surest first."""
        sure = self.probabilities[np.arange(len(self.said)), self.said]
        wrong = np.flatnonzero(self.said != self.labels)
        return [int(i) for i in wrong[np.argsort(-sure[wrong], kind="stable")][:count]]

    def pairs(self, count: int) -> list[tuple[int, int, int]]:
        """The mistakes made most often: class, what it was taken for, and how many times."""
        found = [
            (int(self.confusion[a, b]), a, b)
            for a in range(len(self.classes))
            for b in range(len(self.classes))
            if a != b and self.confusion[a, b]
        ]
        return [(a, b, times) for times, a, b in sorted(found, key=lambda pair: (-pair[0], *pair[1:]))[:count]]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "classes": {self.classes[i]: round(100 * self.accuracy(i)[0], 2) for i in self.known},
            "confusion": {"classes": list(self.classes), "rows": self.confusion.tolist()},
        }


def wilson(right: int, of: int, z: float = 1.96) -> tuple[float, float]:
    """The interval, 0…1, that holds the true share with 95 % confidence, after `right` of `of` (Wilson 1927)."""
    share, extra = right / of, z * z / of
    middle = (share + extra / 2) / (1 + extra)
    reach = z * sqrt(share * (1 - share) / of + extra / (4 * of)) / (1 + extra)
    return max(middle - reach, 0.0), min(middle + reach, 1.0)
