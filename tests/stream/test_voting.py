"""The rules against hand-worked windows, and against their definitions written out plainly, on random scores."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from microbotnet.errors import BadInput
from microbotnet.stream.voting import BestOfLast, Majority, Mean, Rule, Vote, confidence, rule_named, votes

windows = st.tuples(st.integers(1, 7), st.integers(1, 6)).flatmap(
    lambda shape: arrays(np.int64, shape, elements=st.integers(-3, 3))
)


def labels(rule: Rule, scores: list[list[float]]) -> list[int]:
    return [vote.label for vote in votes(rule, np.array(scores))]


def test_the_most_confident_of_the_last_three_decides() -> None:
    stream = [[0.9, 0.1], [0.4, 0.6], [0.3, 0.7], [0.45, 0.55], [0.8, 0.2]]
    assert labels(BestOfLast(3), stream) == [0, 0, 0, 1, 0]
    assert votes(BestOfLast(3), np.array(stream))[3] == Vote(1, 0.7)


def test_of_equally_confident_frames_the_latest_decides() -> None:
    assert labels(BestOfLast(3), [[0.75, 0.25], [0.25, 0.75], [0.5, 0.5]]) == [0, 1, 1]


def test_majority_ties_go_to_the_class_named_latest() -> None:
    a, b, c = [0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8]
    assert labels(Majority(3), [a, b, c, a, a]) == [0, 1, 2, 0, 0]
    assert labels(Majority(4), [a, b, b, a]) == [0, 1, 1, 0]


def test_mean_of_the_last_three() -> None:
    stream = [[0.6, 0.4], [0.6, 0.4], [0.1, 0.9], [0.5, 0.5]]
    assert labels(Mean(3), stream) == [0, 0, 1, 1]
    assert votes(Mean(3), np.array(stream))[3].strength == pytest.approx(0.6)


def test_integer_logits_are_compared_by_the_gap_to_the_second_class() -> None:
    logits = np.array([[40, 39, 0], [0, 9, 5], [7, 0, 0]])
    assert confidence(logits).tolist() == [1, 4, 7]
    assert [vote.label for vote in votes(BestOfLast(2), logits)] == [0, 1, 0]


def test_sums_of_integers_do_not_wrap() -> None:
    most = np.iinfo(np.int32).max
    assert Mean(3).decide(np.array([[most, 0]] * 3, np.int32)) == Vote(0, float(most))
    assert confidence(np.array([[most, -most]], np.int32)).tolist() == [2 * most]


@given(windows, st.sampled_from([np.int8, np.float64]))
def test_every_rule_is_what_its_definition_says(window: np.ndarray, kind: type) -> None:
    scores = window.astype(kind)
    rows = [[float(value) for value in row] for row in scores]
    named = [row.index(max(row)) for row in rows]
    if kind is np.int8:
        sure = [sorted(row)[-1] - sorted(row)[-2] if len(row) > 1 else 0 for row in rows]
    else:
        sure = [max(row) for row in rows]
    best = max(range(len(rows)), key=lambda t: (sure[t], t))
    assert BestOfLast().decide(scores) == Vote(named[best], sure[best])
    most = max(set(named), key=lambda c: (named.count(c), len(named) - named[::-1].index(c)))
    assert Majority().decide(scores) == Vote(most, named.count(most) / len(named))
    sums = [sum(column) for column in zip(*rows, strict=True)]
    vote = Mean().decide(scores)
    assert (vote.label, vote.strength) == (sums.index(max(sums)), pytest.approx(max(sums) / len(rows)))


@given(windows)
def test_a_window_of_one_is_each_frame_for_itself(window: np.ndarray) -> None:
    named = np.argmax(window, 1).tolist()
    for rule in (BestOfLast(1), Majority(1), Mean(1)):
        assert [vote.label for vote in votes(rule, window)] == named


@given(windows, st.sampled_from([BestOfLast(2), Majority(3), Mean(2)]))
def test_nothing_older_than_the_window_counts(window: np.ndarray, rule: Rule) -> None:
    assert votes(rule, window)[-1] == rule.decide(window[-rule.window :])


def test_names() -> None:
    assert rule_named("best-of-last-3") == BestOfLast(3)
    assert rule_named("majority") == Majority(3)
    assert rule_named("mean-of-last-12") == Mean(12)
    assert rule_named("none") == BestOfLast(1)
    for wrong in ("", "best-of-last-0", "median", "mean-of-last-", "majority-of-last-99999"):
        with pytest.raises(BadInput, match="no voting rule"):
            rule_named(wrong)
