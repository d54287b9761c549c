"""Votes in C are those of the Python rules on the same integers."""

import ctypes
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from microbotnet.backends.c import emit, emit_vote
from microbotnet.errors import BadInput
from microbotnet.integer.interpreter import run
from microbotnet.integer.samples import random_pictures, random_program
from microbotnet.stream.voting import rule_named, votes

from .compiled import STRICT, compiler

RULES = ("none", "best-of-last-3", "best-of-last-7", "majority", "majority-of-last-4", "mean", "mean-of-last-2")
CLASSES = (1, 2, 10)
Decide = Callable[[str, np.ndarray], list[int]]


@pytest.fixture(scope="module")
def decide(tmp_path_factory: pytest.TempPathFactory) -> Decide:
    """The decisions of the C of a rule on a stream (frames, classes) int16, from zeroed votes on."""
    folder, names = tmp_path_factory.mktemp("votes"), {}
    for number, (rule, classes) in enumerate((rule, classes) for rule in RULES for classes in CLASSES):
        name = names[rule, classes] = f"v{number}"
        for file, text in emit_vote(rule, classes, name).items():
            (folder / file).write_text(text)
    files = [folder / f"{name}_vote.c" for name in names.values()]
    subprocess.run(
        [*compiler("gcc"), *STRICT, "-O1", "-shared", "-fPIC", *files, "-o", folder / "votes.so"], check=True
    )
    library = ctypes.CDLL(str(folder / "votes.so"))

    def run_c(rule: str, stream: np.ndarray) -> list[int]:
        function = getattr(library, f"{names[rule, stream.shape[1]]}_vote")
        state = (ctypes.c_uint32 * 1000)()
        return [function(state, frame.ctypes.data_as(ctypes.c_void_p)) for frame in stream]

    return run_c


@settings(max_examples=150)
@given(st.sampled_from(RULES), st.sampled_from(CLASSES), st.integers(1, 20), st.data())
def test_every_decision_is_that_of_the_python_rule(
    decide: Decide, rule: str, classes: int, frames: int, data: st.DataObject
) -> None:
    few = st.sampled_from([-1, 0, 1, 2])
    extreme = st.sampled_from([-32768, 0, 32767])
    element = data.draw(st.sampled_from([few, extreme, st.integers(-32768, 32767)]))
    stream = np.ascontiguousarray(data.draw(arrays(np.int16, (frames, classes), elements=element)))
    assert decide(rule, stream) == [vote.label for vote in votes(rule_named(rule), stream)]


def test_by_hand(decide: Decide) -> None:
    stream = np.array([[9, 2], [4, 5], [1, 4], [6, 7], [8, 3]], np.int16)  # ahead by 7, 1, 3, 1, 5
    assert decide("best-of-last-3", stream) == [0, 0, 0, 1, 0]
    assert decide("majority", stream) == [0, 1, 1, 1, 1]
    assert decide("mean", stream) == [0, 0, 0, 1, 0]  # sums 9 2, 13 7, 14 11, 11 16, 15 14


def test_the_example_reads_a_stream(tmp_path: Path) -> None:
    program = random_program(3, size=(6, 6))
    classes = program.result.shape[0]
    for file, text in (emit(program) | emit_vote("majority", classes)).items():
        (tmp_path / file).write_text(text)
    sources = [tmp_path / file for file in ("net.c", "net_vote.c", "main.c")]
    checks = ["-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    subprocess.run([*compiler("gcc"), *STRICT, *checks, *sources, "-o", tmp_path / "example"], check=True)
    pictures = random_pictures(program, 8)
    scores = run(program, pictures)
    done = subprocess.run([tmp_path / "example"], input=pictures.tobytes(), capture_output=True, check=True)
    decided = [vote.label for vote in votes(rule_named("majority"), scores)]
    rows = [[int(word) for word in line.split()] for line in done.stdout.splitlines()]
    assert rows == [[d, int(row.argmax()), *row.tolist()] for d, row in zip(decided, scores, strict=True)]
    assert subprocess.run([tmp_path / "example"], input=pictures.tobytes()[:-1], capture_output=True).returncode == 2


def test_the_header_names_the_rule_and_what_it_keeps() -> None:
    header = emit_vote("mean-of-last-5", 10, "bot")["bot_vote.h"]
    assert "mean-of-last-5" in header
    assert re.search(r"int16_t scores\[10 \* 5\];", header)


def test_what_cannot_be_written_is_refused() -> None:
    with pytest.raises(BadInput, match="no voting rule 'median'"):
        emit_vote("median", 10)
