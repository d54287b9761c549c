import random
from itertools import pairwise
from math import hypot
from xml.etree import ElementTree

import pytest

from microbotnet.show.charts import PARTS, Bar, Point, layer_bars, log_bars, pareto, scatter

from .drawings import SVG, assert_readable, text_boxes


def test_the_pareto_front_is_what_nobody_beats() -> None:
    rng = random.Random(0)
    points = [Point(str(i), rng.randint(1, 20), rng.randint(1, 20)) for i in range(60)]
    front = pareto(points)

    def beaten(p: Point) -> bool:
        return any(q.x <= p.x and q.y >= p.y and (q.x, q.y) != (p.x, p.y) for q in points)

    assert {(p.x, p.y) for p in front} == {(p.x, p.y) for p in points if not beaten(p)}
    assert [p.x for p in front] == sorted({p.x for p in front})


@pytest.mark.parametrize("spread", [1.02, 1.5, 30])
def test_labels_of_a_crowded_scatter_do_not_overlap(spread: float) -> None:
    rng = random.Random(1)
    points = [
        Point(f"microbotnet ×0.{i:02}", 1e6 * spread ** rng.uniform(-1, 1), rng.uniform(78, 84)) for i in range(12)
    ]
    root = assert_readable(scatter(points, "title", "MACs (conv_linear)", "top-1, %", limit=(1.1e6, "limit")))
    assert len(list(root.iter(f"{SVG}circle"))) == 12


def test_a_label_is_nearer_to_its_own_point_than_to_another() -> None:
    points = [Point("m int8", 0.89, 86.52), Point("xl ternary", 0.90, 85.99), Point("l ternary", 0.76, 85.31)]
    points += [Point("xl int8", 1.56, 87.27), Point("s int8", 0.4, 80.37), Point("binary chip", 3.8, 86)]
    root = assert_readable(scatter(points, "title", "µJ", "top-1, %", width=480, height=540, size=14))
    centres = [(float(c.attrib["cx"]), float(c.attrib["cy"])) for c in root.iter(f"{SVG}circle")]
    boxes = dict(text_boxes(root))
    for index, point in enumerate(points):
        left, top, right, bottom = boxes[point.label]
        far = [hypot(max(left - x, x - right, 0), max(top - y, y - bottom, 0)) for x, y in centres]
        assert far.index(min(far)) == index, point.label


def test_bars_are_in_proportion_to_the_logarithm() -> None:
    bars = [Bar(f"net {i}", ((10.0**i, "kind0"), (10.0**i / 2, "kind1")), f"{i} µJ", mark=3.0) for i in range(4)]
    root = assert_readable(log_bars(bars, "title", "µJ", [("kind0", "int8"), ("kind1", "2 bits")], limit=(1, "1 µJ")))
    widths = [float(r.attrib["width"]) for r in root.iter(f"{SVG}rect") if r.attrib["class"] == "kind0"][:-1]
    steps = [b - a for a, b in pairwise(widths)]
    assert max(steps) - min(steps) < 0.3
    assert min(steps) > 20


def test_one_bar_of_a_tiny_value_is_drawn() -> None:
    assert_readable(log_bars([Bar("net", ((1e-6, "kind0"),))], "title", "µJ", [("kind0", "int8")]))


def test_layers_stack_to_their_sum() -> None:
    rng = random.Random(2)
    layers = [(f"l{i}", {part: rng.uniform(10, 5000) for part in PARTS}) for i in range(77)]
    root = assert_readable(layer_bars(layers, "title"))
    groups = [g for g in root.iter(f"{SVG}g") if (g[0].text or "").startswith("l")]
    tall = [sum(float(r.attrib["height"]) for r in g.iter(f"{SVG}rect")) for g in groups]
    sums = [sum(parts.values()) for _, parts in layers]
    assert [t / max(tall) for t in tall] == pytest.approx([s / max(sums) for s in sums], abs=0.01)


def test_a_network_without_energy_has_a_chart() -> None:
    assert_readable(layer_bars([("a", dict.fromkeys(PARTS, 0.0))], "title"))


def test_charts_carry_their_style_unless_the_page_has_it() -> None:
    points = [Point("a", 1, 2), Point("b", 10, 3)]
    assert "prefers-color-scheme:dark" in scatter(points, "t", "x", "y")
    inline = ElementTree.fromstring(scatter(points, "t", "x", "y", inline=True))
    assert inline.find(f"{SVG}style") is None
