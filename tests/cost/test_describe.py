import re

import pytest
import torch
from torch import nn

from microbotnet import create_model, net_names, trace
from microbotnet.cost.describe import explain, short, signature
from microbotnet.cost.macs import node_macs
from microbotnet.graph.steps import fuse
from microbotnet.nets import find_net


@pytest.mark.parametrize("name", net_names())
def test_every_operator_of_the_zoo_is_explained_with_its_numbers(name: str) -> None:
    with torch.device("meta"):
        model = create_model(name, input_size=32 if find_net(name).input_size else None)
    graph = trace(model, (3, 32, 32) if find_net(name).input_size else find_net(name).input_shape)
    for node in graph:
        text = "\n".join(explain(graph, node))
        assert text
        for convention in ("conv_linear", "thop_2020"):
            macs = node_macs(graph, node, convention)
            assert not macs or f"{macs:,}" in text, (node.name, convention)
        for formula in re.findall(r"= ([\d,]+) × ([\d,]+) = ([\d,]+)$", text, re.MULTILINE):
            a, b, product = (int(number.replace(",", "")) for number in formula)
            assert a * b == product
        assert "operator that the counts do not know" not in text
    for step in fuse(graph):
        assert len(short(step)) <= 40, step.name


def test_the_lines_that_users_ask_about() -> None:
    def line(module: nn.Module, shape: tuple[int, ...] = (3, 32, 32)) -> str:
        return signature(trace(module, shape).nodes[1])

    assert line(nn.Conv2d(3, 8, 3, 2, 1, bias=False)) == "Conv2d(3, 8, 3×3, stride 2)"
    assert line(nn.Conv2d(3, 6, (1, 5), groups=3)) == "Conv2d(3, 6, 1×5, groups 3, bias)"
    assert line(nn.Linear(10, 4), (10,)) == "Linear(10, 4, bias)"
    assert line(nn.MaxPool2d(3, 2)) == "MaxPool2d(3×3, stride 2)"
