"""A design's file: what is written comes back, what is wrong is named."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from microbotnet import BadInput
from microbotnet.design import Design, design_from, load_design, to_toml
from microbotnet.design.file import parse_design

from .designs import designs


@given(designs)
def test_files_give_back_what_was_written(design: Design) -> None:
    assert parse_design(to_toml(design), "x.toml") == design
    assert parse_design(json.dumps(design.to_json()), "x.json") == design
    assert design_from(design.to_json()) == design


def test_one_word_is_the_precision_of_all() -> None:
    (stage,) = parse_design("[[stages]]\nwidth = 8\nprecision = 'ternary'\n", "x.toml").stages
    assert set(vars(stage.precision).values()) == {"ternary"}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "design: stages is missing"),
        ({"stages": []}, "stages is empty"),
        ({"stages": 3}, "stages must be a list, not 3"),
        ({"stages": [{}]}, r"stages\[0\]\.width is missing"),
        ({"stages": [{"width": 8, "kernal": 3}]}, r"unknown field stages\[0\]\.kernal; did you mean 'kernel'"),
        ({"stages": [{"width": 8, "kernel": 4}]}, r"stages\[0\]\.kernel must be one of 1, 3, 5, 7, 9, not 4"),
        ({"stages": [{"width": 0}]}, r"stages\[0\]\.width must be from 1 to 8192, not 0"),
        ({"stages": [{"width": True}]}, r"stages\[0\]\.width must be a whole number, not True"),
        ({"stages": [{"width": 8, "expansion": float("nan")}]}, "expansion must be from 0.125 to 32, not nan"),
        ({"stages": [{"width": 8, "activation": "swish"}]}, "activation must be one of relu, relu6, hardswish"),
        ({"stages": [{"width": 8, "precision": {"expand": "int4"}}]}, r"precision\.expand must be one of float"),
        ({"stages": [{"width": 8, "squeeze_excite": 1}]}, "squeeze_excite must be true or false, not 1"),
        ({"stages": [{"width": 8}], "stem": {"precision": "int16"}}, r"stem\.precision must be one of float"),
        ({"stages": [{"width": 8}], "resolution": 2}, "resolution must be from 4 to 1024, not 2"),
    ],
)
def test_what_is_wrong_is_named(values: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        design_from(values)


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="did you mean 'first-try'"):
        load_design("frist-try")
    with pytest.raises(BadInput, match="cannot be read as a design"):
        load_design(str(tmp_path / "none.toml"))
    (tmp_path / "bad.toml").write_text("[[stages")
    with pytest.raises(BadInput, match=r"bad\.toml: not TOML"):
        load_design(str(tmp_path / "bad.toml"))
    (tmp_path / "bad.json").write_bytes(b"\xff")
    with pytest.raises(BadInput, match="cannot be read as a design"):
        load_design(str(tmp_path / "bad.json"))


def test_a_file_that_changed_is_read_again(tmp_path: Path) -> None:
    for width in (8, 16):
        (tmp_path / "mine.toml").write_text(f"[[stages]]\nwidth = {width}\n")
        assert load_design(str(tmp_path / "mine.toml")).stages[0].width == width


def test_designs_are_read_without_torch() -> None:
    code = "import sys; from microbotnet.design import *; [load_design(n) for n in design_names()]"
    done = subprocess.run([sys.executable, "-c", f"{code}; print('torch' in sys.modules)"], capture_output=True)
    assert done.stdout == b"False\n"
