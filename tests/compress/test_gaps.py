"""Gaps between the entries of a sparse kernel."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from microbotnet.compress.gaps import entries, to_gaps, to_places


def test_the_papers_figure_2() -> None:
    """Entries at 1, 4 and 15; a span of 3 bits holds 8, so that a filler stands between the last two.

    The paper writes differences, 1, 3, 8 (the filler) and 3; a gap is a difference less the entry itself.
    """
    gaps, true = to_gaps(np.array([1, 4, 15]), 7)
    assert gaps.tolist() == [1, 2, 7, 2]
    assert true.tolist() == [0, 1, 3]
    assert to_places(gaps).tolist() == [1, 4, 12, 15]


def test_a_gap_of_the_limit_needs_no_filler_and_one_more_does() -> None:
    assert to_gaps(np.array([3]), 3)[0].tolist() == [3]
    assert to_gaps(np.array([4]), 3)[0].tolist() == [3, 0]
    assert to_gaps(np.array([8]), 3)[0].tolist() == [3, 3, 0]


@given(st.sets(st.integers(0, 3000), min_size=1), st.integers(1, 255))
def test_places_come_back(places: set[int], limit: int) -> None:
    array = np.array(sorted(places))
    gaps, true = to_gaps(array, limit)
    assert gaps.min() >= 0
    assert gaps.max() <= limit
    found = to_places(gaps)
    assert (found[true] == array).all()
    assert (np.diff(found) > 0).all()
    assert not set(np.delete(found, true).tolist()) & places  # fillers stand where zeros are
    assert len(gaps) == entries(array, limit)
