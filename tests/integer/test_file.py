"""Programs written and read again; files that are cut, altered or contradict themselves are refused."""

import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load, save

from microbotnet.backends.c import emit
from microbotnet.errors import BadInput
from microbotnet.integer.file import _checksum, load_program, save_program
from microbotnet.integer.interpreter import run
from microbotnet.integer.operators import Convolve, Lookup, SumPool
from microbotnet.integer.program import Program
from microbotnet.integer.samples import random_pictures, random_program
from microbotnet.integer.validation import check_consistent


@settings(max_examples=20)
@given(st.integers(0, 10_000))
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    program = replace(random_program(seed), source={"network": "aé ×0.32"})
    path = tmp_path_factory.mktemp("programs") / "a.program"
    save_program(path, program)
    read = load_program(path)
    assert str(read) == str(program)
    pictures = random_pictures(program, 3)
    assert (run(read, pictures) == run(program, pictures)).all()


def test_one_program_is_one_file(tmp_path: Path) -> None:
    files = set()
    for count in range(12):
        save_program(tmp_path / f"{count}.program", random_program(7, size=(6, 6)))
        files.add((tmp_path / f"{count}.program").read_bytes())
    assert len(files) == 1


@pytest.fixture
def path(tmp_path: Path) -> Path:
    save_program(tmp_path / "a.program", random_program(7, size=(6, 6)))
    return tmp_path / "a.program"


@pytest.mark.parametrize("share", [0, 0.001, 0.5, 0.999])
def test_a_truncated_file_is_refused(path: Path, share: float) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(BadInput, match=r"a\.program: damaged"):
        load_program(path)


def test_every_altered_byte_is_noticed(path: Path) -> None:
    content = path.read_bytes()
    rng = np.random.default_rng(0)
    for place in [8, 20, len(content) - 1, *rng.integers(9, len(content), 60).tolist()]:
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises(BadInput, match=r"a\.program: "):
            load_program(path)


def test_no_file_and_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="No such file"):
        load_program(tmp_path / "none")
    with pytest.raises(BadInput, match="cannot be read"):
        load_program(tmp_path)
    (tmp_path / "weights").write_bytes(save({"a": np.zeros(3)}))
    with pytest.raises(BadInput, match="holds no program"):
        load_program(tmp_path / "weights")


def written_over(path: Path, change: Callable[[dict[str, object]], None]) -> None:
    """Change the JSON of a program file and make its checksum right again."""
    content = path.read_bytes()
    arrays = load(content)
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])["__metadata__"]
    value = json.loads(header["program"])
    change(value)
    text = json.dumps(value)
    path.write_bytes(save(arrays, {**header, "program": text, "sha256": _checksum(text, arrays)}))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda v: v.update(input="nowhere"), "its input is not one of its tensors"),
        (lambda v: v.update(labels=["one"]), "1 labels"),
        (lambda v: v.update(kind="Lookup"), "not written as a program"),
        (lambda v: v.update(operators=[]), "made by no operator"),
        (lambda v: v["operators"].append(v["operators"][0]), "makes what is there already"),
        (lambda v: v["operators"].reverse(), "reads what has not been made"),
        (lambda v: v["operators"][0].update(tables={"array": "none"}), "not written as a program"),
        (lambda v: v["operators"][0].update(name=3), "not written as a program"),
        (lambda v: v["tensors"]["picture"].update(shape=["a", "b", "c"]), "not written as a program"),
        (lambda v: v["tensors"]["picture"].update(shape=[1, 6, 6]), "operator"),
        (lambda v: v["tensors"]["picture"].update(dtype="float32"), "has dtype float32"),
        (lambda v: v["tensors"]["picture"].update(scale=0), "has the scale 0"),
    ],
)
def test_a_contradiction_is_refused(path: Path, change: Callable[[dict[str, object]], None], reason: str) -> None:
    written_over(path, change)
    with pytest.raises(BadInput, match=reason):
        load_program(path)


ODD = [None, True, -1, 7, 2**31, 2**40, -(2**63), 1.5, 1e300, "", "int16", [], [1], [1, 2], [1, 2, 3], [[1]], {},
       {"kind": "Tensor"}, {"kind": "Requantize"}, {"array": "nothing"}]  # fmt: skip


def places(value: object, path: tuple[object, ...] = ()) -> Iterator[tuple[object, ...]]:
    """Where anything stands in plain data."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from places(item, (*path, key))


@pytest.mark.parametrize("seed", range(4))
def test_a_file_with_odd_fields_is_refused_or_runs(seed: int, tmp_path: Path) -> None:
    rng, path, refused = random.Random(seed), tmp_path / "a.program", 0
    program = random_program(seed, operators=4)
    for _ in range(60):
        save_program(path, program)

        def spoil(value: dict[str, object]) -> None:
            *above, last = rng.choice(list(places(value)))
            inside: Any = value
            for key in above:
                inside = inside[key]
            inside[last] = rng.choice(ODD)

        written_over(path, spoil)
        try:
            read = load_program(path)
        except BadInput:
            refused += 1
            continue
        emit(read)
        run(read, random_pictures(read, 1))
    assert refused > 40


def first(program: Program, kind: type) -> int:
    return next(i for i, operator in enumerate(program.operators) if isinstance(operator, kind))


def with_operator(program: Program, at: int, **changes: object) -> Program:
    operators = list(program.operators)
    operators[at] = replace(operators[at], **changes)  # type: ignore[arg-type]
    return replace(program, operators=tuple(operators))


def test_arrays_and_windows_must_fit() -> None:
    program = next(p for p in map(random_program, range(99)) if any(isinstance(o, SumPool) for o in p.operators))
    check_consistent(program)
    at = first(program, Convolve)
    layer = program.operators[at]
    assert isinstance(layer, Convolve)
    changes: list[dict[str, object]] = [
        {"weights": layer.weights[:, :, :, :0]},
        {"weights": layer.weights.astype(np.int32)},
        {"weights": np.full_like(layer.weights, 2), "bits": 2},
        {"bits": 3},
        {"groups": layer.weights.shape[1] * layer.groups + 1},
        {"stride": (0, 1)},
        {"padding": (-1, 0)},
        {"requantize": replace(layer.requantize, multiplier=np.ones(99, np.int32), offset=np.zeros(99, np.int32))},
        {"requantize": replace(layer.requantize, table=np.zeros(255, np.int8))},
    ]
    for change in changes:
        with pytest.raises(BadInput, match=f"^operator {layer.name}: "):
            check_consistent(with_operator(program, at, **change))
    with pytest.raises(BadInput, match=r"^operator lookup0: has an array of \(256,\)"):
        check_consistent(with_operator(program, first(program, Lookup), tables=np.zeros(256, np.int8)))
    with pytest.raises(BadInput, match="its window is larger than the map"):
        check_consistent(with_operator(program, first(program, SumPool), kernel=(100, 1)))


def test_no_torch_is_needed() -> None:
    code = "import sys, microbotnet.integer.file, microbotnet.integer.interpreter; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
