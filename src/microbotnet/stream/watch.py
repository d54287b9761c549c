"""A decision for every frame of a stream."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ..preprocessing import Pixels
from .frames import Frame
from .voting import Rule, Scores, Window


@dataclass(frozen=True)
class Decision:
    """What is decided after a frame.

    `label` and `probability` are the frame's own answer, `decided` and `strength` the rule's (see `voting.Vote`).
    A frame that could not be read has an `error` and nothing else; it changes no vote.
    """

    frame: str
    label: str = ""
    probability: float = 0.0
    decided: str = ""
    strength: float = 0.0
    error: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        if self.error is not None:
            return {"frame": self.frame, "error": self.error}
        found = asdict(self)
        del found["error"]
        return found | {"probability": round(self.probability, 6), "strength": round(self.strength, 6)}


@dataclass
class Tally:
    """What a stream came to: frames read and not read, and how many were decided for each class."""

    frames: int = 0
    unreadable: int = 0
    decided: Counter[str] = field(default_factory=Counter)

    def add(self, decision: Decision) -> None:
        """Count one more."""
        if decision.error is None:
            self.frames += 1
            self.decided[decision.decided] += 1
        else:
            self.unreadable += 1

    def to_json(self) -> dict[str, Any]:
        """Plain values, the class decided most often first."""
        return {"frames": self.frames, "unreadable": self.unreadable, "decided": dict(self.decided.most_common())}


def watch(
    frames: Iterable[Frame], predict: Callable[[Pixels], Scores], classes: Sequence[str], rule: Rule
) -> Iterator[Decision]:
    """Yield a decision for every frame as it comes.

    Args:
        frames: of `open_frames`, or your own.
        predict: from pictures, uint8, N×3×S×S, to scores, N×classes.
        classes: the names of the classes.
        rule: how the last frames decide.
    """
    window = Window(rule)
    for frame in frames:
        if frame.picture is None:
            yield Decision(frame.name, error=frame.error or "no picture")
            continue
        scores = predict(frame.picture[None])[0]
        own = int(scores.argmax())
        vote = window.add(scores)
        yield Decision(frame.name, classes[own], float(scores[own]), classes[vote.label], vote.strength)
