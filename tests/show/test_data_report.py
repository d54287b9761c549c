"""The page of a network on a set of pictures: whole, self-contained, and its numbers are those of the answers."""

import json
import re
import shutil
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import torch

import microbotnet
from microbotnet.cli import main
from microbotnet.data.source import Source
from microbotnet.errors import BadInput
from microbotnet.show.data_report import judge, write_data_report
from microbotnet.training.checkpoint import load_checkpoint
from microbotnet.weights import DEFAULT

DEMO = Path(microbotnet.__file__).parent / "demo" / "pictures"


@pytest.fixture(scope="module")
def noise() -> Source:
    """Thirty pictures of noise, larger than the network's, of two of its classes in another order."""
    pictures = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (30, 3, 64, 64), np.uint8))
    return Source("<noise>", "noise", "noise", ("ship", "cat"), lambda split: (pictures, torch.arange(30) % 2))


def test_the_page(noise: Source, tmp_path: Path) -> None:
    loaded = load_checkpoint()
    found = judge(loaded, noise)
    assert found.pictures.shape == (30, 3, 32, 32)
    assert [found.classes[label] for label in found.labels[:2]] == ["ship", "cat"]
    path = tmp_path / "new" / "page.html"
    write_data_report(path, loaded, "a <net>", found, noise.name)
    page = path.read_text()
    HTMLParser().feed(page)
    assert f"a &lt;net&gt; on &lt;noise&gt;: {found.top1:.2f} %" in page
    assert "<script" not in page
    assert not re.findall(r'(?:src|href)="(?!data:)', page)
    assert page.count("<figcaption>") == min(24, int((found.said != found.labels).sum()))
    assert page.count("HiResCAM") == 1


def test_classes_that_the_network_does_not_know_are_named(noise: Source) -> None:
    odd = Source("odd", "odd", "odd", ("ship", "unicorn"), noise.load)
    with pytest.raises(BadInput, match="unicorn"):
        judge(load_checkpoint(), odd)


def test_the_name_must_be_a_page(noise: Source, tmp_path: Path) -> None:
    loaded = load_checkpoint()
    with pytest.raises(BadInput, match=r"ends in \.html"):
        write_data_report(tmp_path / "page.pdf", loaded, "net", judge(loaded, noise), "noise")
    assert not list(tmp_path.iterdir())


def test_the_command_writes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("cat", "ship"):
        (tmp_path / "set" / "train" / name).mkdir(parents=True)
        (tmp_path / "set" / "test" / name).mkdir(parents=True)
        for split in ("train", "test"):
            shutil.copy(DEMO / f"{name}.png", tmp_path / "set" / split / name)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    page = tmp_path / "page.html"
    words = ["microbotnet", "evaluate", "--data", str(tmp_path / "set"), "-o", str(page), "--json"]
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as stopped:
        main()
    assert not stopped.value.code
    found = json.loads(capsys.readouterr().out)
    assert found["top1"] == 100
    assert found["classes"] == {"cat": 100.0, "ship": 100.0}
    assert found["report"] == str(page)
    assert f"{DEFAULT} on set: 100.00 %" in page.read_text()
    monkeypatch.setattr(sys, "argv", [*words[:-2], str(tmp_path / "page.txt")])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    assert "ends in .html" in capsys.readouterr().err
