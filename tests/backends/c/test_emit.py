"""The C computes what the interpreter says, to the last bit, and compiles without a word."""

import re
import subprocess
from collections import Counter
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from microbotnet.backends.c import emit
from microbotnet.backends.c.choose import KERNELS
from microbotnet.backends.c.kernel_call import KernelCall
from microbotnet.errors import BadInput
from microbotnet.integer.interpreter import handed_on, run, run_all
from microbotnet.integer.operators import Add, Convolve, Lookup, Softmax, View
from microbotnet.integer.operators.softmax import MOST
from microbotnet.integer.program import Program, Requantize, Tensor
from microbotnet.integer.rescale import HIGHEST
from microbotnet.integer.samples import random_network, random_pictures, random_program

from .compiled import STRICT, Compiled, compiler, compiler_for


@pytest.mark.parametrize(
    ("name", "prefer", "seeds"),
    [
        ("gcc", "speed", range(40)),
        ("gcc", "size", range(40, 70)),
        ("gcc", "vectors", range(70, 90)),
        ("gcc", "avx512", range(40)),
        ("clang", "avx512", range(40, 50)),
        ("clang", "speed", range(90, 100)),
        ("zig", "size", range(100, 105)),
    ],
)
def test_c_equals_the_interpreter(name: str, prefer: str, seeds: range, tmp_path: Path) -> None:
    programs = [random_program(seed) for seed in seeds]
    compiled = Compiled(programs, tmp_path, compiler_for(name, prefer), prefer=prefer)
    for number, program in enumerate(programs):
        pictures = random_pictures(program, 6)
        np.testing.assert_array_equal(compiled.scores(number, pictures), run(program, pictures), f"{seeds[number]}")


@pytest.mark.parametrize(
    ("prefer", "seeds"),
    [("speed", range(25)), ("size", range(25, 40)), ("vectors", range(40, 60)), ("avx512", range(60, 80))],
)
def test_any_operators_inputs_and_outputs_equal_the_interpreters(prefer: str, seeds: range, tmp_path: Path) -> None:
    programs = [random_network(seed) for seed in seeds]
    compiled = Compiled(programs, tmp_path, compiler_for("gcc", prefer), prefer=prefer)
    for number, program in enumerate(programs):
        pictures = random_pictures(program, 4)
        values = run_all(program, pictures)
        for name, found in zip(program.outputs, compiled.outputs(number, pictures), strict=True):
            np.testing.assert_array_equal(found, handed_on(program, values, name), f"{seeds[number]} {name}")


def test_slices_that_lie_in_their_input_need_no_code() -> None:
    text = emit(halved())["net.c"]
    assert "view(" not in text.split("net_run(")[1]
    assert text.count("OPERATOR void net_op") == 4  # the picture, a half's table, the other's, the sum


def halved() -> Program:
    """Both halves of a picture's channels through tables, then added."""
    x = Tensor("x", (4, 2, 2), "int8", 1.0, 0, -128, 127)
    half = replace(x, name="a", shape=(2, 2, 2))
    names = ("a", "b", "c", "d", "y")
    tensors = {name: replace(half, name=name) for name in names} | {"x": x}
    tensors["picture"] = replace(x, name="picture", dtype="uint8", low=0, high=255)
    table = np.arange(-128, 128).astype(np.int8)[None]
    how = Requantize(np.ones(1, np.int32), np.zeros(1, np.int32), 0, 1, -128, 127)
    operators = (
        Lookup("x", "picture", "x", table), View("a", "x", "a", (8,), (1,), 0), View("b", "x", "b", (8,), (1,), 8),
        Lookup("c", "a", "c", -1 - table), Lookup("d", "b", "d", table[:, ::-1].copy()),
        Add("y", ("c", "d"), "y", (1, 1), how),
    )  # fmt: skip
    return Program(tensors, operators, "picture", ("y",))


@pytest.mark.parametrize("prefer", ["speed", "size", "vectors", "avx512"])
def test_scores_by_one_kernel_a_channel_are_not_bytes(prefer: str, tmp_path: Path) -> None:
    programs = [random_program(900165, size=(14, 14), operators=3)]  # from one channel to one
    programs += [random_program(seed, operators=seed // 10 % 4) for seed in range(8, 208, 10)]
    last = [program.operators[-1] for program in programs]
    assert {operator.weights.shape[1] for operator in last if isinstance(operator, Convolve)} == {1}
    compiled = Compiled(programs, tmp_path, compiler_for("gcc", prefer), prefer=prefer)
    for number, program in enumerate(programs):
        pictures = random_pictures(program, 6)
        np.testing.assert_array_equal(compiled.scores(number, pictures), run(program, pictures), str(number))


def with_pre_shifts(program: Program) -> Program:
    """Every other operator with another pre-shift, and another meaning."""
    operators = [
        replace(operator, requantize=replace(operator.requantize, pre_shift=operator.requantize.pre_shift + 2))
        if isinstance(operator, Convolve) and index % 2
        else operator
        for index, operator in enumerate(program.operators)
    ]
    return replace(program, operators=tuple(operators))


@pytest.mark.parametrize("seeds", [range(200, 230)])
def test_every_encoding_equals_the_interpreter(seeds: range, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng, chosen = np.random.default_rng(0), Counter[str]()

    def any_of(candidates: list[list[KernelCall]], prefer: str, more: int) -> list[KernelCall]:
        forms = [forms[rng.integers(len(forms))] for forms in candidates]
        chosen.update(form.call.split("\n")[-1].strip().split("(")[0] for form in forms)
        return forms

    monkeypatch.setattr(import_module("microbotnet.backends.c.emit"), "choose", any_of)
    monkeypatch.setattr(import_module("microbotnet.backends.c.lanes"), "exchanged", lambda how, found: None)
    programs = [with_pre_shifts(random_program(seed, operators=8)) for seed in seeds]
    compiled = Compiled(programs, tmp_path, compiler("gcc"))
    for number, program in enumerate(programs):
        pictures = random_pictures(program, 3)
        np.testing.assert_array_equal(compiled.scores(number, pictures), run(program, pictures), f"{seeds[number]}")
    assert (
        min(chosen[name] for name in KERNELS.keys() - {"depthwise_2x2", "quads", "dual", "dual_pointwise", "tripled"})
        > 0
    )
    for straight in ("depthwise", "stripes"):
        assert sum(name.startswith(f"{{NAME}}_{straight}_") for name in chosen) > 2


def test_kernels_of_one_file_have_names_of_their_own() -> None:
    names = Counter[str]()
    for kernel in (Path(import_module("microbotnet.backends.c.emit").__file__ or "").parent / "kernels").glob("*.c"):
        if kernel.stem not in ("vectors", "avx512"):  # of hosts, without the others' rounding
            heads = r"^(?:static INLINE|KERNEL)\s[\w \*]*?\b(\w+)\("
            names.update(set(re.findall(heads, kernel.read_text(), re.MULTILINE)))
    assert len(names) > 50
    assert [name for name, count in names.items() if count > 1] == []


@pytest.mark.parametrize("prefer", ["speed", "vectors"])
def test_a_softmax_over_very_many_classes(prefer: str, tmp_path: Path) -> None:
    names, falling = (("x", "int8"), ("y", "int8")), HIGHEST * np.exp(-np.arange(256) * 0.02)
    tensors = {name: Tensor(name, (MOST, 1, 1), dtype, 1.0, 0, -128, 127) for name, dtype in names}
    softmax = Softmax("y", "x", "y", falling.astype(np.int64).astype(np.int32))
    program = Program(tensors, (softmax,), "x", ("y",))
    alike = np.zeros((1, MOST, 1, 1), np.int8)
    inputs = np.concatenate([alike, random_pictures(program, 2)])
    inputs[-1, 5] = 127
    compiled = Compiled([program], tmp_path, compiler("gcc"), prefer=prefer)
    np.testing.assert_array_equal(compiled.scores(0, inputs), run(program, inputs))


@pytest.mark.parametrize(("seed", "prefer"), [(1, "speed"), (4, "size"), (8, "speed"), (9, "vectors"), (10, "avx512")])
def test_sanitizers_find_nothing(seed: int, prefer: str, tmp_path: Path) -> None:
    program = random_program(seed, operators=10)
    pictures = random_pictures(program, 8, seed=1)
    for name, text in emit(program, prefer=prefer).items():
        (tmp_path / name).write_text(text)
    example = tmp_path / "example"
    flags = ["-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    sources = [tmp_path / "net.c", tmp_path / "main.c"]
    subprocess.run([*compiler_for("gcc", prefer), *STRICT, *flags, *sources, "-o", example], check=True)
    for picture, wanted in zip(pictures, run(program, pictures), strict=True):
        answer = subprocess.run([example], input=picture.tobytes(), capture_output=True, check=True).stdout
        assert [int(word) for word in answer.split()] == [int(wanted.argmax()), *wanted.tolist()]
    for wrong in (b"12", pictures[0].tobytes() + b"3"):  # pictures of another size
        assert subprocess.run([example], input=wrong).returncode == 2


def test_labels_may_hold_anything() -> None:
    program = random_program(0)
    odd = type(program)(**(vars(program) | {"labels": ('a "b"\\', "é??/", "*/")}))
    labels = '"a \\042b\\042\\134", "\\303\\251\\077\\077/", "*/",'
    assert labels in " ".join(emit(odd)["net.c"].split())


def test_a_bad_name_is_refused() -> None:
    with pytest.raises(BadInput, match="C names"):
        emit(random_program(0), name="7 nets")
