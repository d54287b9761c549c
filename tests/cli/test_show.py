import json
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

import microbotnet
from microbotnet.cli import main

from . import command


def test_weights_of_a_published_checkpoint(shared: Path, tmp_path: Path) -> None:
    file = shared / "checkpoints" / "micro_one_neg_one_x0_32.pytorch_state"
    done = command.microbotnet("show", "weights", file, "-o", tmp_path / "w.svg")
    assert (done.returncode, done.stderr) == (0, "")
    assert "31 ternary layers: 12,222 of +, 134,124 of 0, 7,446 of −; 82,866 of 236,658 parameters" in done.stdout
    ElementTree.parse(tmp_path / "w.svg")


def test_json_lists_every_kernel(
    shared: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = shared / "checkpoints" / "fd_mobilenetv3_x0_32.pth"
    monkeypatch.setattr(sys, "argv", ["microbotnet", "show", "weights", str(file), "--json"])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 0
    found = json.loads(capsys.readouterr().out)
    assert found["ternary"] == {"layers": 0, "weights": 0, "positive": 0, "zero": 0, "negative": 0}
    stem = found["kernels"][0]
    assert (stem["name"], stem["shape"], stem["ternary"]) == ("features.0.0.weight", [8, 3, 3, 3], False)
    assert stem["min"] < 0 < stem["max"]
    assert found["picture"] is None


@pytest.mark.parametrize(
    ("args", "message"),
    [(["nowhere"], "nowhere: no such checkpoint"), (["fd", "-o", "w.png"], "w.png: the picture is written as SVG")],
)
def test_bad_input_is_named(
    args: list[str], message: str, shared: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    args = [str(shared / "checkpoints" / "fd_mobilenetv3_x0_32.pth") if arg == "fd" else arg for arg in args]
    monkeypatch.setattr(sys, "argv", ["microbotnet", "show", "weights", *args])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


def test_the_map_of_a_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    frog = Path(microbotnet.__file__).parent / "demo" / "pictures" / "frog.png"
    for words, code, message in (
        ((frog, "-o", tmp_path / "map.png", "--json"), 0, '"label": "frog"'),
        ((frog, "-o", tmp_path / "cat.png", "--label", "cat"), 0, "cat "),
        ((frog, "-o", tmp_path / "map.svg"), 2, "ends in .png"),
        ((frog, "-o", tmp_path / "map.png", "--label", "acorn"), 2, "does not know this class"),
        ((tmp_path / "none.png", "-o", tmp_path / "map.png"), 2, "cannot be read"),
    ):
        monkeypatch.setattr(sys, "argv", ["microbotnet", "show", "map", *map(str, words)])
        with pytest.raises(SystemExit) as stopped:
            main()
        said = capsys.readouterr()
        assert (stopped.value.code or 0) == code
        assert message in (said.err if code else said.out)
    maps = [np.asarray(Image.open(tmp_path / name)) for name in ("map.png", "cat.png")]
    assert maps[0].shape == (256, 520, 3)
    np.testing.assert_array_equal(maps[0][:, :256], maps[1][:, :256])  # the same picture
    assert (maps[0][:, 264:] != maps[1][:, 264:]).any()  # other evidence
