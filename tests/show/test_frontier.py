"""The frontier's charts: every network where its numbers put it, readable, published points marked."""

from math import log10

import pytest

from microbotnet.show.charts import Point, scatter
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
    assert list(charts) == ["frontier-macs.svg", "frontier-energy.svg", "frontier-flash.svg"]
    for name, chart in charts.items():
        root = assert_readable(chart)
        texts = [text for text, _ in text_boxes(root)]
        assert {"×0.32", "×0.32 ternary pointwise"} <= set(texts)
        assert any("μNAS, published" in text for text in texts)
        assert ("resnet8" in texts) == (name != "frontier-flash.svg")
        assert ("TCN-CUTIE, 22 nm" in texts) == (name == "frontier-energy.svg")
        tips = [t.text or "" for t in root.iter(f"{SVG}title")]
        assert any(tip.startswith("microbotnet-0.32:") and tip.endswith(", 82.85 %") for tip in tips)
        published = any(tip.startswith("microbotnet ×0.32 published:") for tip in tips)
        assert published == (name != "frontier-flash.svg")


def test_marks_without_accuracy_stand_at_their_place_and_apart() -> None:
    points = [Point("a", 1e5, 70), Point("b", 1e8, 90)]
    marks = [(f"a network {i}", 1e6 * 1.02**i) for i in range(12)]
    root = assert_readable(scatter(points, "t", "x", "y", unknown=marks, level=(80, "level"), limit=(1e6, "limit")))
    left, right = sorted(float(circle.attrib["cx"]) for circle in root.iter(f"{SVG}circle"))
    assert len([text for text, _ in text_boxes(root) if text.startswith("a network")]) == 12
    share = (log10(1e6) - 5) / 3
    ticks = [p.attrib["d"] for p in root.iter(f"{SVG}path") if p.attrib["class"] == "line edge thin"]
    assert float(ticks[0].split()[0][1:]) == pytest.approx(left + share * (right - left), abs=0.2)
