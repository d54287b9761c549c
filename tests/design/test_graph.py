"""The graph written from a design against the graph traced from its network."""

from dataclasses import replace

import torch
from hypothesis import given, settings

from microbotnet import trace
from microbotnet.cost.profile import profile
from microbotnet.design import Design, load_design
from microbotnet.design.graph import design_graph
from microbotnet.graph import Graph
from microbotnet.nets.designed import Designed
from microbotnet.quant.policy import kernels

from .designs import designs


def network(design: Design, density: float) -> Designed:
    """With ternary values where the design says so, so many of them not zero; distinct ones elsewhere."""
    torch.manual_seed(0)
    model = Designed(design, num_classes=7).eval()
    precision = dict(design.precisions())
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            count = parameter.numel()
            values = torch.linspace(0.5, 1.5, count)
            if name.endswith(".weight") and precision.get(name.removesuffix(".weight")) == "ternary":
                values = torch.zeros(count)
                values[: round(density * count)] = 1.0
                values[: round(density * count) // 2] = -1.0
            parameter.copy_(values.reshape(parameter.shape))
    return model


@settings(max_examples=25)
@given(designs)
def test_it_is_the_traced_one(design: Design) -> None:
    model = network(design, 0.4)
    traced = trace(model, (3, design.resolution, design.resolution))
    nodes = tuple(
        replace(
            node, source="", parameters=tuple(replace(p, ternary=False) if p.numel < 3 else p for p in node.parameters)
        )
        for node in traced.nodes
    )
    made = design_graph(design, classes=7, density=0.4)
    written = tuple(
        replace(node, parameters=tuple(replace(p, ternary=False) if p.numel < 3 else p for p in node.parameters))
        for node in made.nodes
    )
    assert written == nodes
    assert (made.inputs, made.outputs, made.parameters) == (traced.inputs, traced.outputs, traced.parameters)
    assert [layer for layer, _ in design.precisions()] == [kernel.name for kernel in kernels(model)]
    for_both = [profile(graph).to_json() for graph in (replace(made, nodes=written), replace(traced, nodes=nodes))]
    assert for_both[0] == for_both[1]


def test_the_first_try_has_its_published_counts() -> None:
    """1.03 M MACs and 71 k parameters."""
    graph: Graph = design_graph(load_design("first-try"))
    costs = profile(graph)
    assert costs.macs["conv_linear"] == 1_034_048
    assert costs.parameters == 70_730
