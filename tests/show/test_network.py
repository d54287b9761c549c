"""Drawings are valid, nothing in them overlaps, and every step and shape of the graph is there."""

from itertools import combinations
from xml.etree import ElementTree

import pytest
import torch
from torch import Tensor, nn

from microbotnet import Graph, create_model, net_names, trace
from microbotnet.cost.profile import profile
from microbotnet.graph.steps import fuse
from microbotnet.nets import find_net
from microbotnet.show.colouring import by_macs, by_precision
from microbotnet.show.layout import lay_out
from microbotnet.show.network import draw_network

from .drawings import SVG, assert_readable, text_boxes


def draw(graph: Graph) -> str:
    return draw_network(graph, by_macs(profile(graph)), "a network")


@pytest.mark.parametrize("name", net_names())
def test_nothing_overlaps_in_any_net_of_the_zoo(name: str) -> None:
    graph = trace(create_model(name), find_net(name).input_shape)
    svg = draw(graph)
    assert_readable(svg)
    shapes = {text for text, _ in text_boxes(ElementTree.fromstring(svg))}
    gate = {name for gate in graph.gates for name in gate.branch}
    for step in fuse(graph):
        if step.name not in gate and step.kind not in ("add", "mul"):
            assert "×".join(map(str, step.shape)) in shapes


class Dense(nn.Module):
    """Every layer reads all before it: shortcuts that pass from row to row."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, 1, 1)
        self.layers = nn.ModuleList(nn.Conv2d(16 + 8 * i, 8, 3, 1, 1) for i in range(12))

    def forward(self, x: Tensor) -> Tensor:
        found = [self.stem(x)]
        for layer in self.layers:
            found.append(layer(torch.cat(found, 1)).relu())
        return torch.cat(found, 1)


class Inception(nn.Module):
    """Four branches, with a chain and a pool among them."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = (nn.Conv2d(3, 8, 1) for _ in range(3))
        self.wide = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 5, padding=2))

    def forward(self, x: Tensor) -> Tensor:
        pooled = self.c(nn.functional.max_pool2d(x, 3, 1, 1))
        return torch.cat([self.a(x), self.wide(self.b(x)), pooled, x], 1)


UNUSUAL = {
    "sixty layers without blocks": nn.Sequential(*(nn.Conv2d(3 if i == 0 else 16, 16, 3, 1, 1) for i in range(60))),
    "dense": Dense(),
    "inception": nn.Sequential(Inception(), nn.ReLU()),
    "one layer": nn.Sequential(nn.Flatten(), nn.Linear(3072, 10)),
}


@pytest.mark.parametrize("name", UNUSUAL)
def test_nothing_overlaps_in_a_users_net(name: str) -> None:
    assert_readable(draw(trace(UNUSUAL[name])))


def test_columns_of_a_lane_never_overlap_and_wires_go_right() -> None:
    graph = trace(create_model("squeezenet1.0-complex-bypass", input_size=64), (3, 64, 64))
    layout = lay_out(graph)
    assert set(layout.boxes) == {"input", *(step.name for step in fuse(graph))}
    for row in layout.rows:
        for a, b in combinations(row.boxes, 2):
            assert a.lane != b.lane or a.right <= b.x
        here = {box.step.name: box for box in row.boxes}
        for box in row.boxes:
            for name in box.step.inputs:
                assert name not in here or here[name].middle < box.middle


def test_every_shortcut_gate_and_block_of_microbotnet_is_drawn() -> None:
    graph = trace(create_model("microbotnet", width=0.32))
    root = ElementTree.fromstring(draw(graph))
    curves = [e for e in root.iter(f"{SVG}path") if e.attrib["class"] == "line skip"]
    assert len(curves) == len(graph.residuals) + 1  # and the legend's
    texts = [text for text, _ in text_boxes(root)]
    assert [t for t in texts if "Bottleneck" in t] == [f"features.{i} · Bottleneck" for i in range(1, 11)]
    assert texts.count("pool") == len(graph.gates) == 9
    assert texts.count("×") == 9


def test_volumes_are_in_proportion() -> None:
    boxes = lay_out(trace(create_model("microbotnet"))).boxes
    assert boxes["input"].high == pytest.approx(boxes["features.2.conv.0"].high * (32 / 8) ** 0.5)
    assert boxes["features.13"].thick == pytest.approx(boxes["features.0.0"].thick * (1024 / 16) ** 0.5)


def test_colours_follow_the_macs() -> None:
    graph = trace(create_model("microbotnet", width=0.32))
    layers = sorted(profile(graph).layers, key=lambda layer: layer.macs["conv_linear"])
    groups = {}
    for group in ElementTree.fromstring(draw(graph)).iter(f"{SVG}g"):
        shapes = [*group.iter(f"{SVG}polygon"), *group.iter(f"{SVG}rect")]
        colours = {word for shape in shapes for word in shape.attrib["class"].split()}
        groups[(group[0].text or "").splitlines()[0]] = {c for c in colours if c.startswith("heat") or c == "none"}
    assert groups[layers[-1].step.name] == {"heat6"}
    assert groups["input"] == groups["features.12"] == {"none"}
    heats = [int(next(iter(groups[layer.step.name]))[4:]) for layer in layers if layer.macs["conv_linear"]]
    assert heats == sorted(heats)
    assert heats[0] == 0


def test_precision_tells_ternary_from_float() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3), nn.Conv2d(4, 4, 3))
    with torch.no_grad():
        model[1].weight.copy_(model[1].weight.sign() * (model[1].weight.abs() > model[1].weight.abs().median()))
        model[2].weight.copy_(torch.where(model[2].weight > 0, 1.0, -1.0))
    colouring = by_precision(profile(trace(model)))
    assert [colouring.kinds[int(colouring.values[name])] for name in "012"] == ["float32", "ternary", "binary"]


def test_dark_and_light_are_both_in_the_file() -> None:
    svg = draw(trace(create_model("microbotnet", width=0.32)))
    assert "prefers-color-scheme:dark" in svg
    assert 'class="paper"' in svg
    assert "href" not in svg  # nothing from elsewhere
