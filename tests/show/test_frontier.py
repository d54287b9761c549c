"""The frontier's charts: every network where its numbers put it, readable, published points marked."""

from pathlib import Path

import pytest

from microbotnet.show.comparison import Comparison, compare
from microbotnet.show.frontier import frontier_charts

from .drawings import SVG, assert_readable, text_boxes

NETS = [
    "microbotnet@0.32",
    "microbotnet-0.32",
    "microbotnet-0.32-one-negative-one-pointwise",
    "resnet8",
    "mobilenet-v2",
]


@pytest.fixture(scope="module")
def found() -> Comparison:
    return compare(NETS, input_size=32, classes=10)


def test_they_are_readable_and_say_what_is_published(found: Comparison) -> None:
    charts = frontier_charts(found)
    assert list(charts) == [f"frontier-{what}.svg" for what in ("energy", "energy-all", "macs", "flash")]
    for name, chart in charts.items():
        root = assert_readable(chart)
        texts = [text for text, _ in text_boxes(root)]
        assert ("MicroBotNet ×0.32" if name == "frontier-energy.svg" else "×0.32") in texts
        assert "resnet8" not in texts, "its accuracy is not known"
        assert ("TCN-CUTIE, 22 nm" in texts) == (name in ("frontier-energy.svg", "frontier-energy-all.svg"))
        top1 = 82.85 if name == "frontier-macs.svg" else 82.59
        tips = [t.text or "" for t in root.iter(f"{SVG}title")]
        assert any(tip.startswith("microbotnet-0.32:") and tip.endswith(f", {top1} %") for tip in tips)
        published = any(tip.startswith("microbotnet ×0.32 published:") for tip in tips)
        assert published == (name != "frontier-flash.svg")


def test_the_readmes_picture_is_readable_on_a_phone() -> None:
    """At most fifteen points, and letters of 10 pixels where the page leaves 343 of a phone's 375."""
    picture = Path(__file__).parents[2] / "docs" / "images" / "frontier-energy.svg"
    root = assert_readable(picture.read_text())
    assert 10 <= len(list(root.iter(f"{SVG}circle"))) <= 15
    width = float(root.attrib["viewBox"].split()[2])
    assert min(float(text.attrib["font-size"]) for text in root.iter(f"{SVG}text")) * 343 / width >= 10
