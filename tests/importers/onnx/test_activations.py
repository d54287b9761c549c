"""Arithmetic that is an activation becomes that activation."""

from math import pi, sqrt
from typing import Any

import numpy as np
import pytest

from microbotnet.graph.trace import trace
from microbotnet.importers.onnx import import_onnx

from .conftest import Make
from .test_operators import agrees


def number(value: float) -> Any:
    return np.float32(value)


THREE, SIX = number(3), number(6)
HARD = {"three": THREE, "zero": number(0), "six": SIX}
FORMS: dict[str, tuple[list[Any], dict[str, Any], str]] = {
    "x·clip(x + 3) / 6": (
        [("Add", "x three", "a"), ("Clip", "a zero six", "c"), ("Mul", "x c", "m"), ("Div", "m six", "y")],
        HARD,
        "hardswish",
    ),
    "x·(clip(3 + x)·⅙)": (
        [("Add", "three x", "a"), ("Clip", "a zero six", "c"), ("Mul", "c sixth", "m"), ("Mul", "m x", "y")],
        {**HARD, "sixth": number(1 / 6)},
        "hardswish",
    ),
    "x·hardsigmoid(x)": ([("HardSigmoid", "x", "h", {"alpha": 1 / 6}), ("Mul", "x h", "y")], {}, "hardswish"),
    "min(relu(x + 3), 6) / 6": (
        [("Add", "x three", "a"), ("Relu", "a", "r"), ("Min", "r six", "c"), ("Div", "c six", "y")],
        HARD,
        "hardsigmoid",
    ),
    "min(relu(x), 6)": ([("Relu", "x", "r"), ("Min", "r six", "y")], HARD, "relu6"),
    "x·sigmoid(x)": ([("Sigmoid", "x", "s"), ("Mul", "s x", "y")], {}, "silu"),
    "x·tanh(softplus(x))": ([("Softplus", "x", "s"), ("Tanh", "s", "t"), ("Mul", "x t", "y")], {}, "mish"),
    "gelu by erf": (
        [("Div", "x root", "d"), ("Erf", "d", "e"), ("Add", "e one", "a"), ("Mul", "x a", "m"), ("Mul", "m half", "y")],
        {"root": number(sqrt(2)), "one": number(1), "half": number(0.5)},
        "gelu",
    ),
    "gelu by tanh": (
        [
            ("Pow", "x three", "p"),
            ("Mul", "p k", "q"),
            ("Add", "x q", "r"),
            ("Mul", "r c", "s"),
            ("Tanh", "s", "t"),
            ("Add", "t one", "a"),
            ("Mul", "x half", "h"),
            ("Mul", "h a", "y"),
        ],
        {"three": THREE, "k": number(0.044715), "c": number(sqrt(2 / pi)), "one": number(1), "half": number(0.5)},
        "gelu",
    ),
    "max(x, x / 10)": ([("Mul", "x tenth", "m"), ("Max", "m x", "y")], {"tenth": number(0.1)}, "leaky_relu"),
    "relu(x) − s·relu(−x)": (
        [("Relu", "x", "r"), ("Neg", "x", "n"), ("Relu", "n", "p"), ("Mul", "p s", "m"), ("Add", "r m", "y")],
        {"s": np.float32([[[-0.1]], [[-0.2]], [[0.3]]])},
        "prelu",
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_arithmetic_is_recognised_by_what_it_computes(make: Make, form: str) -> None:
    nodes, constants, kind = FORMS[form]
    x = np.random.default_rng(0).normal(size=(2, 3, 5, 5)).astype(np.float32) * 4
    net = agrees(make(nodes, ("N", 3, 5, 5), constants), x)
    assert [node.kind for node in trace(net, (3, 5, 5))] == ["input", kind]


def test_what_only_looks_alike_stays_arithmetic(make: Make) -> None:
    nodes = [("Add", "x a", "b"), ("Clip", "b zero six", "c"), ("Mul", "x c", "m"), ("Div", "m six", "y")]
    path = make(nodes, ("N", 3, 5, 5), {**HARD, "a": number(2.9)})
    net = agrees(path, np.random.default_rng(0).normal(size=(2, 3, 5, 5)).astype(np.float32))
    assert "hardswish" not in {node.kind for node in trace(net, (3, 5, 5))}


def test_a_value_that_others_read_is_not_taken_away(make: Make) -> None:
    nodes = [("Sigmoid", "x", "s"), ("Mul", "s x", "y"), ("Relu", "s", "z")]
    net = agrees(make(nodes, ("N", 3, 5, 5), outputs=("y", "z")), np.ones((1, 3, 5, 5), np.float32))
    assert [node.kind for node in trace(net, (3, 5, 5))] == ["input", "sigmoid", "mul", "relu"]
    assert import_onnx(make(nodes, ("N", 3, 5, 5))) is not None
