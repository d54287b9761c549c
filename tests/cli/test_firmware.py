import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from microbotnet.cli import main
from microbotnet.integer import interpreter
from microbotnet.integer.file import save_program
from microbotnet.integer.fold import fold
from microbotnet.integer.operators import Convolve, Lookup
from microbotnet.integer.program import Program, Requantize, Tensor
from microbotnet.integer.samples import random_program
from microbotnet.stream.voting import rule_named, votes

for module in ("unicorn", "elftools", "ziglang"):
    pytest.importorskip(module, reason=f"{module} of the extra mcu is not installed")

SIZE = 8


class Done(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


Firmware = Callable[..., Done]


@pytest.fixture
def firmware(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Firmware:
    """Runs `microbotnet firmware …` in this process."""

    def run(*args: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["microbotnet", "firmware", *map(str, args)])
        with pytest.raises(SystemExit) as stop:
            main()
        return Done(int(stop.value.code or 0), *capsys.readouterr())

    return run


@pytest.fixture
def program(tmp_path: Path) -> Path:
    save_program(tmp_path / "small.program", random_program(21, size=(SIZE, SIZE)))
    return tmp_path / "small.program"


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    values = np.random.default_rng(0).integers(0, 256, (3, SIZE, SIZE, 3), np.uint8)
    for index, value in enumerate(values):
        Image.fromarray(value).save(folder / f"{index}.png")
    return folder


def large(inputs: int = 3, outputs: int = 300) -> Program:
    """Two layers of one pixel whose 8-bit weights take outputs × outputs bytes and more."""
    one = Requantize(np.ones(1, np.int32), np.zeros(1, np.int32), 0, 15, -128, 127)
    sizes = {"picture": inputs, "x": inputs, "y": outputs, "z": outputs, "scores": 2}
    dtypes = {"picture": "uint8", "scores": "int16"}
    rng = np.random.default_rng(0)
    tensors = {
        name: Tensor(name, (size, 1, 1), dtypes.get(name, "int8"), 1.0, 0, 0 if name == "picture" else -128,
                     255 if name == "picture" else 127)
        for name, size in sizes.items()
    }  # fmt: skip

    def linear(name: str, x: str, y: str) -> Convolve:
        weights = rng.integers(-127, 128, (sizes[y], sizes[x], 1, 1)).astype(np.int8)
        return Convolve(name, x, y, weights, 8, (1, 1), (0, 0), 1, one)

    table = np.arange(-128, 128).astype(np.int8)[None]
    layers = (linear("one", "x", "y"), linear("heavy", "y", "z"), linear("last", "z", "scores"))
    return Program(tensors, (Lookup("input", "picture", "x", table), *layers), "picture", ("scores",))


def test_json_is_what_was_promised(firmware: Firmware, program: Path, pictures: Path) -> None:
    done = firmware(program, "--board", "scum", "--run", pictures, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert found["bit_exact"] is True
    for key in ("instructions_per_picture", "code_bytes", "constant_bytes", "ram_bytes", "stack_bytes"):
        assert found[key] > 0
    made = random_program(21, size=(SIZE, SIZE))
    stack = np.stack([np.asarray(Image.open(pictures / f"{i}.png")).transpose(2, 0, 1) for i in range(3)])
    scores = interpreter.run(made, stack)
    assert [p["scores"] for p in found["predictions"]] == scores.tolist()
    assert [p["index"] for p in found["predictions"]] == scores.argmax(1).tolist()
    assert [Path(p["file"]).name for p in found["predictions"]] == ["0.png", "1.png", "2.png"]
    assert sum(row["instructions"] for row in found["layers"]) == pytest.approx(
        found["instructions_per_picture"], abs=9
    )
    used = sum(row["code_bytes"] + row["constant_bytes"] for row in found["layers"])
    assert used == found["code_bytes"] + found["constant_bytes"]


@pytest.mark.parametrize("rule", ["best-of-last-3", "majority-of-last-2", "mean"])
def test_the_last_pictures_vote_on_the_chip(firmware: Firmware, program: Path, pictures: Path, rule: str) -> None:
    plain = json.loads(firmware(program, "--run", pictures, "--json").stdout)
    files = [pictures / f"{i}.png" for i in (0, 1, 2, 2, 0)]
    done = firmware(program, "--run", *files, "--vote", rule, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["bit_exact"], found["vote"]) == (True, rule)
    scores = np.array([prediction["scores"] for prediction in found["predictions"]])
    labels = random_program(21, size=(SIZE, SIZE)).labels
    decided = [labels[vote.label] for vote in votes(rule_named(rule), scores)]
    assert [prediction["decided"] for prediction in found["predictions"]] == decided
    assert found["ram_bytes"] > plain["ram_bytes"]
    assert [row["instructions"] for row in found["layers"][:-2]] == [
        pytest.approx(row["instructions"], rel=0.05) for row in plain["layers"][:-2]
    ]
    people = firmware(program, "--run", *files, "--vote", rule, "--totals").stdout
    assert f"decided: {decided[-1]}" in people
    assert "and what was decided, equal the interpreter's" in people


def test_for_people_every_layer_has_a_line(firmware: Firmware, program: Path, pictures: Path) -> None:
    done = firmware(program, "--run", pictures / "0.png", pictures / "1.png")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    for operator in fold(random_program(21, size=(SIZE, SIZE))).operators:
        assert any(line.startswith(f"{operator.name} ") for line in lines)
    assert "of 65,536 bytes of sram" in done.stdout
    assert "a model, see docs/firmware.md" in done.stdout
    assert "of 2 pictures equal the interpreter's, bit for bit" in done.stdout


def test_without_pictures_it_only_builds(firmware: Firmware, program: Path, tmp_path: Path) -> None:
    files = [tmp_path / f"image.{suffix}" for suffix in ("elf", "bin", "hex")]
    for file in files:
        done = firmware(program, "--board", "microbit", "-o", file, "--plan", tmp_path / "plan.svg", "--json")
        assert done.returncode == 0
    found = json.loads(done.stdout)
    assert found["bit_exact"] is found["instructions_per_picture"] is None
    elf, raw, text = (file.read_bytes() for file in files)
    assert elf[:4] == b"\x7fELF"
    assert int.from_bytes(raw[:4], "little") == 0x2000_0000 + 16_384
    assert len(raw) == found["code_bytes"] + found["constant_bytes"]
    records = [bytes.fromhex(line[1:]) for line in text.decode().splitlines()]
    assert all(sum(record) % 256 == 0 for record in records)
    assert b"".join(record[4:-1] for record in records if record[3] == 0) == raw
    assert (tmp_path / "plan.svg").read_text().startswith("<svg")


def test_a_network_too_large_is_refused_by_its_bytes(firmware: Firmware, tmp_path: Path) -> None:
    save_program(tmp_path / "large.program", large())
    done = firmware(tmp_path / "large.program", "--board", "scum")
    assert done.returncode == 2
    assert "does not fit scum: needs " in done.stderr
    assert " of 65,536 bytes for code and constants, over by " in done.stderr
    assert "what weighs most: heavy (9" in done.stderr
    assert firmware(tmp_path / "large.program", "--board", "microbit").returncode == 0


def test_a_picture_that_cannot_be_read_stops_no_other(firmware: Firmware, program: Path, pictures: Path) -> None:
    (pictures / "1.png").write_bytes(b"no picture")
    done = firmware(program, "--run", pictures, "--json")
    assert done.returncode == 2
    assert "1.png" in done.stderr
    assert len(json.loads(done.stdout)["predictions"]) == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--board", "skum"], "did you mean 'scum'"),
        (["--prefer", "beauty"], "--prefer must be one of speed, size"),
        (["--toolchain", "clang"], "there are: zig, gcc"),
        (["--output", "image.exe"], "is written as .elf, .bin, .hex, .uf2"),
        (["--plan", "plan.png"], "ends in .svg"),
        (["--qemu"], "--qemu needs pictures"),
        (["--vote", "median"], "no voting rule 'median'"),
        (["picture.png"], "pictures are given after --run"),
        (["--run", "nowhere.png"], "no picture could be read"),
    ],
)
def test_bad_input(firmware: Firmware, program: Path, options: list[str], message: str) -> None:
    done = firmware(program, *options)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stdout == ""


def test_a_corrupt_program_is_refused(firmware: Firmware, program: Path) -> None:
    program.write_bytes(program.read_bytes()[:-7])
    done = firmware(program, "--board", "scum")
    assert done.returncode == 2
    assert "small.program" in done.stderr


def test_without_the_emulator_it_names_the_extra(
    firmware: Firmware, program: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "unicorn", None)
    done = firmware(program, "--run", pictures)
    assert done.returncode == 1
    assert "this needs unicorn; pip install 'microbotnet[mcu]'" in done.stderr


@pytest.mark.skipif(shutil.which("qemu-system-arm") is None, reason="qemu-system-arm is not installed")
def test_qemu_agrees(firmware: Firmware, program: Path, pictures: Path) -> None:
    done = firmware(program, "--run", pictures, "--qemu", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["qemu_bit_exact"] is True
