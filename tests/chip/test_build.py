"""C++ of the circuit, by whichever compiler there is."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from microbotnet.chip import build
from microbotnet.errors import Failed


@pytest.mark.parametrize("compiler", ["clang++", "g++"])
def test_a_library_answers_and_a_fault_names_file_and_compiler(
    compiler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not shutil.which(compiler):
        pytest.skip(f"{compiler} is not installed")
    monkeypatch.setenv("CXX", compiler)
    source = tmp_path / "answer.cc"
    body = "return std::vector<int>(x).size() + ADDED;"
    source.write_text(f'#include <vector>\nextern "C" int answer(int x) {{ {body} }}')
    assert build.compile_library(source, "-O1", "-DADDED=2").answer(40) == 42
    with pytest.raises(Failed, match=rf"answer\.cc cannot be compiled by {compiler.replace('+', '[+]')}: "):
        build.compile_library(source)


def test_without_a_compiler_zig_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = list[list[str]]()

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        asked.append(command)
        return subprocess.CompletedProcess(command, 1, "", "no")

    monkeypatch.setattr(build, "run_child", run)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(Failed, match=r"by zig c\+\+: no"):
        build.compile_library(tmp_path / "answer.cc")
    assert asked[0][:4] == [sys.executable, "-m", "ziglang", "c++"]
