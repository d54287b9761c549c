import json
import re
import sys
import tomllib
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from microbotnet import net_names
from microbotnet.cli import main
from microbotnet.show.comparison import compare

from .command import microbotnet

GOLDEN = tomllib.loads((Path(__file__).parents[1] / "golden" / "nets.toml").read_text())


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str]:
    """The whole zoo as a user gets it: what --json prints, and the page."""
    page = tmp_path_factory.mktemp("zoo") / "report.html"
    done = microbotnet("compare", "--json", "-o", page)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout), page.read_text()


def row_of(zoo: dict[str, Any], name: str, width: float, size: int | None) -> dict[str, Any]:
    (row,) = (
        r
        for r in zoo["rows"]
        if (r["name"], r["width"], r["input_size"]) == (name, width, size) and not r["checkpoint"]
    )
    return row


@pytest.mark.parametrize("golden", GOLDEN["net"], ids=lambda g: f"{g['name']}-{g.get('width', 1.0)}")
def test_every_published_count_stands_beside_ours(golden: dict[str, Any], zoo: tuple[dict[str, Any], str]) -> None:
    row = row_of(zoo[0], golden["name"], golden.get("width", 1.0), golden.get("input_size"))
    assert row["classes"] == golden["classes"]
    assert row["parameters"] == golden.get("parameters", row["parameters"])
    assert row["published"].get("parameters") in (None, golden.get("parameters"))
    macs = row["macs"]["conv_linear"]
    if "macs" in golden:
        assert macs == row["published"]["macs"] == golden["macs"]
    if rounded := golden.get("macs_millions"):
        assert row["published"]["macs"] == f"{rounded} M"
        digits = len(rounded.partition(".")[2])
        assert f"{macs / 1e6:.{digits}f}" == rounded


def test_the_notes_macs_and_accuracies_are_there(zoo: tuple[dict[str, Any], str]) -> None:
    published = {0.25: (697_662, 77.99), 0.32: (932_886, 79.35), 0.5: (1_912_512, 81.91), 1.0: (6_597_218, None)}
    for width, (macs, top1) in published.items():
        row = row_of(zoo[0], "microbotnet", width, 32)
        assert row["macs"]["thop_2020"] == row["published"]["macs_thop"] == macs
        assert row["published"].get("top1") == top1
        assert row["top1"] == (top1 and {"value": top1, "by": "published", "data": "CIFAR-10"})


def test_published_weights_are_ours_at_one_bit(zoo: tuple[dict[str, Any], str]) -> None:
    chip = row_of(zoo[0], "binarynet-chip", 1.0, 32)
    assert chip["published"]["weights"] == f"{chip['memory']['one_bit_kernel_bytes'] / 1024:.1f} kB at 1 bit"
    original = row_of(zoo[0], "binarynet", 1.0, 32)
    assert original["published"]["weights"] == f"{original['memory']['one_bit_kernel_bytes'] / 1024**2:.2f} MB at 1 bit"


def test_all_nets_the_shipped_weights_and_both_chips_are_in_it(zoo: tuple[dict[str, Any], str]) -> None:
    from microbotnet.weights import shipped_cards

    found = zoo[0]
    assert list(dict.fromkeys(r["name"] for r in found["rows"] if r["input_size"] in (32, None))) == net_names()
    ours = {r["checkpoint"]: r["top1"] for r in found["rows"] if r["checkpoint"]}
    cards = shipped_cards("cifar10")
    assert ours == {n: {"value": c["metrics"]["top1"], "by": "ours", "data": "CIFAR-10"} for n, c in cards.items()}
    chips = [(chip["energy_pj"], chip["top1"], chip["measured"]) for chip in found["silicon"]]
    assert chips == [(3.8e6, 86.0, True), (2.72e6, 86.0, True)]
    assert not any(r["energy_pj"]["measured"] for r in found["rows"])


class Page(HTMLParser):
    """Open tags, attributes and words of a page."""

    VOID = frozenset({"meta", "br", "hr", "img", "link", "rect", "circle", "path", "polygon", "line"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


def test_the_page_needs_nothing_else(zoo: tuple[dict[str, Any], str]) -> None:
    text = zoo[1]
    page = Page(text)
    assert page.open == []
    assert not {"script", "link", "img", "iframe"} & set(page.tags)
    assert not [value for name, value in page.attributes if name in ("src", "href", "xlink:href")]
    assert not re.search(r"url\(|@import", text)
    assert "prefers-color-scheme:dark" in text
    assert 'name="viewport"' in text
    rows = zoo[0]["rows"]
    assert page.tags.count("details") == len(rows)
    assert page.tags.count("svg") == 2 * len(rows) + 4  # energy, two of accuracy, memory
    for row in rows:
        assert f"{row['macs']['conv_linear']:,}" in text


def test_the_table_has_a_line_for_each_network() -> None:
    done = microbotnet("compare", "microbotnet@0.32", "resnet8")
    assert done.returncode == 0, done.stderr
    lines = {line.split("  ")[0]: re.split(r"\s{2,}", line.strip()) for line in done.stdout.splitlines()}
    micro = lines["microbotnet ×0.32"]
    assert micro[1:8] == ["32×32 → 10", "236,658", "236,658 =", "782,368", "782,368 =", "932,886", "932,886 ="]
    assert micro[-1] == "79.35"
    assert "12.5 M" in lines["resnet8"]
    assert "3.80 measured" in lines["binary CNN chip, 28 nm"]
    assert "2.72 measured" in lines["TCN-CUTIE, 22 nm"]


def test_a_narrow_terminal_gets_several_tables_that_fit() -> None:
    from rich.console import Console

    from microbotnet.cli.compare import COLUMNS, _fitting, _table

    found, wide = compare(["mobilenet-v2"]), Console(width=400)
    tables = _fitting(found, wide, 80)
    assert [column for table in tables for column in table[1:]] == list(range(1, len(COLUMNS)))
    assert all(wide.measure(_table(found, table)).maximum <= 80 for table in tables)
    assert len(_fitting(found, wide, 400)) == 1


def test_the_notes_preset_is_a_picojoule_a_mac() -> None:
    (row,) = compare(["microbotnet@0.32"], preset="notes").rows
    assert row.network.profile.energy.total == pytest.approx(932_886)


def test_a_ternary_checkpoint_takes_less_energy_than_its_float_twin(shared: Path) -> None:
    files = ("fd_mobilenetv3_x0_32.pth", "micro_one_neg_one_x0_32.pytorch_state")
    full, ternary = compare([str(shared / "checkpoints" / file) for file in files]).rows
    costs = ternary.network.profile
    assert costs.macs == full.network.profile.macs
    assert costs.effective_macs < full.network.profile.effective_macs == 782_368
    assert costs.energy.total < full.network.profile.energy.total


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["microbotnt"], "did you mean 'microbotnet'"),
        (["microbotnet@wide"], "microbotnet@wide: after the @ comes a width"),
        (["microbotnet@-1"], "width must be over 0"),
        (["nowhere.safetensors"], "nowhere.safetensors: no such checkpoint"),
        (["nowhere.bin"], "nowhere.bin: neither a network"),
        (["resnet8", "-o", "report.pdf"], "report.pdf: the report is a page"),
        (["resnet8", "--energy", "horowitz"], "horowitz-45nm"),
        (["resnet8", "--input-size", "0"], "input size must be"),
    ],
)
def test_bad_input_is_named(
    args: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["microbotnet", "compare", *args])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
