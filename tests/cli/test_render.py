import json
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from microbotnet.cli import main

from .command import microbotnet


def test_a_network_becomes_an_svg_file(tmp_path: Path) -> None:
    file = tmp_path / "new" / "net.svg"
    done = microbotnet("render", "microbotnet", "--width", "0.32", "-o", file)
    assert done.returncode == 0, done.stderr
    assert "236,658 parameters" in done.stdout
    root = ElementTree.parse(file).getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "782,368 MACs (conv_linear)" in (root[0].text or "")
    assert [path.name for path in file.parent.iterdir()] == ["net.svg"]


def test_json_says_what_was_drawn(tmp_path: Path) -> None:
    done = microbotnet("render", "resnet8", "--classes", "2", "--input-size", "64", "-o", tmp_path / "r.svg", "--json")
    found = json.loads(done.stdout)
    assert found["file"] == str(tmp_path / "r.svg")
    assert found["parameters"] == 78_186 - 8 * 65
    assert done.stderr == ""


def test_a_published_checkpoint_by_precision(shared: Path, tmp_path: Path) -> None:
    file = shared / "checkpoints" / "micro_one_neg_one_x0_32.pytorch_state"
    done = microbotnet("render", "--checkpoint", file, "--color", "precision", "-o", tmp_path / "net.svg")
    assert done.returncode == 0, done.stderr
    svg = (tmp_path / "net.svg").read_text()
    assert svg.count("weights: ternary") == 31


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["microbotnt"], "did you mean 'microbotnet'"),
        ([], "which network"),
        (["microbotnet", "-o", "net.png"], "net.png: the picture is written as SVG"),
        (["resnet8", "--width", "0.5"], "no width multiplier"),
        (["microbotnet", "--color", "mood"], "mood"),
        (["--checkpoint", "nowhere.pth"], "nowhere.pth: no such checkpoint"),
        (["nowhere.pth"], "nowhere.pth: no such checkpoint"),
        (["--checkpoint", "nowhere.pth", "--width", "2"], "a checkpoint has its own width"),
    ],
)
def test_bad_input_is_named(
    args: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["microbotnet", "render", *args])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
