"""Inputs that are no picture files."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from microbotnet.errors import BadInput
from microbotnet.integer.features import read_features
from microbotnet.integer.operators import Lookup
from microbotnet.integer.program import Program, Tensor


def network(shape: tuple[int, int, int]) -> Program:
    x = Tensor("x", shape, "int8", 0.5, 3, -128, 127)
    table = np.arange(-128, 128).astype(np.int8)[None]
    return Program({"x": x, "y": replace(x, name="y")}, (Lookup("y", "x", "y", table),), "x", ("y",))


def saved(folder: Path, values: Any) -> Path:
    np.save(folder / "x.npy", values)
    return folder / "x.npy"


def test_integers_are_taken_as_they_are(tmp_path: Path) -> None:
    values = np.arange(24, dtype=np.int8).reshape(2, 3, 2, 2)
    np.testing.assert_array_equal(read_features(saved(tmp_path, values), network((3, 2, 2))), values)
    np.testing.assert_array_equal(read_features(saved(tmp_path, values[0]), network((3, 2, 2))), values[:1])


def test_numbers_are_rounded_by_scale_and_zero_point(tmp_path: Path) -> None:
    found = read_features(saved(tmp_path, np.array([[0.0, 0.6, -1e9, 62.0]])), network((4, 1, 1)))
    assert found.reshape(-1).tolist() == [3, 4, -128, 127]
    assert found.dtype == np.int8


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.zeros((2, 5), np.int8), "the network takes"),
        (np.zeros((2, 4), np.int32), "holds int32"),
        (np.full((2, 4), np.nan), "NaN"),
        (np.array([None] * 4), "is no .npy file of numbers"),
    ],
)
def test_what_does_not_fit_is_refused(values: Any, words: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=words):
        read_features(saved(tmp_path, values), network((4, 1, 1)))


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        read_features(tmp_path / "no.npy", network((4, 1, 1)))
