"""Each operator against onnxruntime, on random inputs."""

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch

from microbotnet.graph.trace import trace
from microbotnet.importers.onnx import import_onnx

from .conftest import Make

R = np.random.default_rng(1)
MAP = ("N", 6, 9, 8)


def real(*shape: int) -> Any:
    return R.normal(size=shape).astype(np.float32)


def ints(*values: int) -> Any:
    return np.array(values, np.int64)


def one(kind: str, attributes: dict[str, Any] | None = None, inputs: str = "x", /, **constants: Any) -> Any:
    """A file of one node, which reads x and then the constants."""
    names = " ".join([inputs, *constants])
    return [(kind, names, "y", attributes or {})], constants


W, B6 = real(4, 6, 3, 3), real(6)
CASES: dict[str, Any] = {
    "conv": one("Conv", {"pads": [1, 1, 1, 1]}, w=W, b=real(4)),
    "conv of uneven pads": one("Conv", {"pads": [0, 1, 2, 3], "strides": [2, 1]}, w=W),
    "conv padded as the output's size asks": one(
        "Conv", {"auto_pad": "SAME_UPPER", "strides": [2, 2]}, w=real(4, 6, 2, 3)
    ),
    "conv padded more before": one("Conv", {"auto_pad": "SAME_LOWER", "strides": [2, 2]}, w=W),
    "conv without padding": one("Conv", {"auto_pad": "VALID"}, w=W),
    "conv with gaps and groups": one("Conv", {"dilations": [2, 1], "group": 3}, w=real(9, 2, 3, 2), b=real(9)),
    "transposed conv": one(
        "ConvTranspose", {"strides": [2, 2], "pads": [1, 1, 1, 1], "output_padding": [1, 0]}, w=real(6, 4, 3, 3)
    ),
    "transposed conv, cut unevenly": one(
        "ConvTranspose", {"strides": [2, 2], "pads": [0, 1, 1, 0]}, w=real(6, 2, 3, 3), b=real(2)
    ),
    "transposed conv to a size": one(
        "ConvTranspose", {"strides": [2, 2], "output_shape": [18, 16]}, w=real(6, 2, 3, 3)
    ),
    "transposed conv of twice the size": one(
        "ConvTranspose", {"strides": [2, 2], "auto_pad": "SAME_UPPER", "group": 2}, w=real(6, 2, 3, 3)
    ),
    "batch norm": one("BatchNormalization", {"epsilon": 1e-3}, s=B6, b=real(6), m=real(6), v=real(6) ** 2),
    "instance norm": one("InstanceNormalization", {}, s=B6, b=real(6)),
    "prelu": one("PRelu", {}, s=real(6, 1, 1)),
    "prelu of one slope": one("PRelu", {}, s=real(1)),
    "matmul with a bias": (
        [("Flatten", "x", "f"), ("MatMul", "f w", "m"), ("Add", "b m", "y")],
        {"w": real(432, 5), "b": real(5)},
    ),
    "gemm": (
        [("Flatten", "x", "f"), ("Gemm", "f w b", "y", {"alpha": 0.5, "beta": 2.0})],
        {"w": real(432, 5), "b": real(5)},
    ),
    "gemm of rows": ([("Flatten", "x", "f"), ("Gemm", "f w", "y", {"transB": 1})], {"w": real(5, 432)}),
    "matmul of two maps": ([("Transpose", "x", "t", {"perm": [0, 1, 3, 2]}), ("MatMul", "x t", "y")], {}),
    "average": one("AveragePool", {"kernel_shape": [3, 2], "strides": [2, 2], "pads": [1, 0, 1, 0]}),
    "average that counts its padding": one(
        "AveragePool", {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "count_include_pad": 1}
    ),
    "average of uneven padding": one(
        "AveragePool", {"kernel_shape": [3, 3], "strides": [2, 2], "auto_pad": "SAME_LOWER"}
    ),
    "average padded behind": one("AveragePool", {"kernel_shape": [2, 3], "strides": [2, 2], "auto_pad": "SAME_UPPER"}),
    "average, rounded up": one("AveragePool", {"kernel_shape": [2, 2], "strides": [2, 2], "ceil_mode": 1}),
    "largest": one("MaxPool", {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}),
    "largest, padded behind": one("MaxPool", {"kernel_shape": [3, 2], "strides": [2, 2], "auto_pad": "SAME_UPPER"}),
    "largest of the same size": one("MaxPool", {"kernel_shape": [2, 2], "auto_pad": "SAME_UPPER"}),
    "largest, rounded up": one("MaxPool", {"kernel_shape": [2, 2], "strides": [2, 2], "ceil_mode": 1}),
    "average of all": one("GlobalAveragePool"),
    "largest of all": one("GlobalMaxPool"),
    "mean": one("ReduceMean", {"axes": [2, 3], "keepdims": 0}),
    "mean of channels": one("ReduceMean", {"axes": [-3]}),
    "sum": one("ReduceSum", {"keepdims": 0}, a=ints(1, 3)),
    "max over columns": one("ReduceMax", {"axes": [3]}),
    "clip": one("Clip", {}, a=np.float32(-0.5), b=np.float32(1)),
    "clip below": ([("Clip", "x - b", "y")], {"b": np.float32(0.5)}),
    "clip to six": one("Clip", {}, a=np.float32(0), b=np.float32(6)),
    "hard sigmoid": one("HardSigmoid", {"alpha": 0.2, "beta": 0.5}),
    "elu": one("Elu", {"alpha": 0.7}),
    "leaky": one("LeakyRelu", {"alpha": 0.2}),
    "softmax": one("Softmax", {"axis": 1}),
    "log softmax": one("LogSoftmax", {"axis": -1}),
    "minimum with a number": one("Min", {}, a=np.float32(0.5)),
    "maximum of three": ([("Neg", "x", "n"), ("Max", "x n a", "y")], {"a": np.float32(0.25)}),
    "number minus x": ([("Sub", "a x", "y")], {"a": np.float32(2)}),
    "number over x": ([("Exp", "x", "e"), ("Div", "a e", "y")], {"a": np.float32(2)}),
    "power": ([("Abs", "x", "p"), ("Pow", "p a", "y")], {"a": np.float32(1.5)}),
    "scale and shift of channels": (
        [("Mul", "s x", "m"), ("Sub", "m b", "y")],
        {"s": real(6, 1, 1), "b": real(1, 6, 1, 1)},
    ),
    "conv, scale and shift": (
        [("Conv", "x w", "c"), ("Div", "c s", "m"), ("Add", "m b", "y")],
        {"w": W, "s": real(4, 1, 1), "b": real(4, 1, 1)},
    ),
    "conv that is read twice": (
        [("Conv", "x w", "c"), ("Mul", "c s", "m"), ("Add", "m c", "y")],
        {"w": W, "s": real(4, 1, 1)},
    ),
    "constant minus channels": ([("Sub", "s x", "y")], {"s": real(6, 1, 1)}),
    "learned map": one("Add", {}, m=real(9, 8)),
    "nearest": one(
        "Resize",
        {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"},
        "x - ",
        s=np.float32([1, 1, 2, 3]),
    ),
    "nearest by halves": one("Resize", {"mode": "nearest"}, "x - ", s=np.float32([1, 1, 2, 2])),
    "nearest to odd sizes": one("Resize", {"mode": "nearest"}, "x - -", s=ints(2, 6, 13, 5)),
    "bilinear": one("Resize", {"mode": "linear"}, "x - ", s=np.float32([1, 1, 2, 2])),
    "bilinear between corners": one(
        "Resize", {"mode": "linear", "coordinate_transformation_mode": "align_corners"}, "x - -", s=ints(2, 6, 17, 5)
    ),
    "cubic": one("Resize", {"mode": "cubic"}, "x - ", s=np.float32([1, 1, 2, 2])),
    "slice": one("Slice", {}, s=ints(1, -4), e=ints(9, 10**9), a=ints(2, 3), t=ints(3, 2)),
    "backwards": one("Slice", {}, s=ints(-1), e=ints(-(10**9)), a=ints(3), t=ints(-1)),
    "split": ([("Split", "x s", "a b", {"axis": 1}), ("Concat", "b a", "y", {"axis": 1})], {"s": ints(2, 4)}),
    "split evenly": ([("Split", "x", "a b", {"axis": 1}), ("Mul", "b a", "y")], {}),
    "pick": one("Gather", {"axis": 2}, i=np.int64(-2)),
    "pick several": one("Gather", {"axis": 1}, i=ints(3, 0, 5)),
    "depth to space": one("DepthToSpace", {"blocksize": 1}),
    "pad": one("Pad", {}, p=ints(0, 0, 1, 2, 0, 1, 0, 3), v=np.float32(0.5)),
    "cut by pad": one("Pad", {}, p=ints(0, 0, -1, 0, 0, 0, -2, 1)),
    "reflect": one("Pad", {"mode": "reflect"}, p=ints(0, 0, 1, 2, 0, 0, 1, 1)),
    "edge": one("Pad", {"mode": "edge"}, p=ints(0, 0, 1, 2, 0, 0, 1, 1)),
    "pad before a conv": (
        [("Pad", "x p", "z"), ("Conv", "z w", "y", {"strides": [2, 2]})],
        {"p": ints(0, 0, 1, 1, 0, 0, 1, 1), "w": W},
    ),
    "tile": one("Tile", {}, t=ints(1, 2, 1, 3)),
    "squeeze": (
        [("GlobalAveragePool", "x", "p"), ("Squeeze", "p a", "s"), ("Unsqueeze", "s c", "y")],
        {"a": ints(2, -1), "c": ints(1)},
    ),
    "expand": ([("GlobalAveragePool", "x", "p"), ("Expand", "p s", "e"), ("Mul", "e x", "y")], {"s": ints(1, 1, 9, 8)}),
    "dropout": ([("Dropout", "x", "d"), ("Identity", "d", "i"), ("Cast", "i", "y", {"to": 1})], {}),
    "sum of all": ([("Neg", "x", "n"), ("Sum", "x n x", "y")], {}),
    "tanh and its kin": (
        [("Tanh", "x", "a"), ("Sigmoid", "a", "b"), ("Softplus", "b", "c"), ("Softsign", "c", "d"), ("Erf", "d", "y")],
        {},
    ),
}
LATER = {
    "mean, axes as an input": (18, one("ReduceMean", {"keepdims": 0}, a=ints(2, 3))),
    "split in uneven parts": (
        18,
        ([("Split", "x", "a b", {"axis": 2, "num_outputs": 2}), ("Concat", "b a", "y", {"axis": 2})], {}),
    ),
    "pad of some axes": (18, one("Pad", {}, "x", p=ints(1, 2), v=np.float32(0), a=ints(3))),
    "resize of some axes": (18, one("Resize", {"mode": "nearest", "axes": [2, 3]}, "x - ", s=np.float32([2, 2]))),
    "hard swish": (14, one("HardSwish")),
    "mish": (18, one("Mish")),
    "gelu": (20, one("Gelu")),
    "gelu by tanh": (20, one("Gelu", {"approximate": "tanh"})),
    "layer norm": (17, one("LayerNormalization", {"axis": -1}, s=real(8), b=real(8))),
    "group norm": (21, one("GroupNormalization", {"num_groups": 2}, s=real(6), b=real(6))),
    "average with ceil, later": (
        19,
        one(
            "AveragePool",
            {"kernel_shape": [2, 3], "strides": [2, 2], "pads": [0, 1, 0, 1], "ceil_mode": 1, "count_include_pad": 1},
        ),
    ),
    "old clip": (11, one("Clip", {}, a=np.float32(0), b=np.float32(6))),
    "old squeeze": (11, ([("GlobalAveragePool", "x", "p"), ("Squeeze", "p", "y", {"axes": [2, 3]})], {})),
    "old softmax": (11, ([("Flatten", "x", "f"), ("Softmax", "f", "y", {"axis": 1})], {})),
    "old split": (11, ([("Split", "x", "a y", {"axis": 1, "split": [2, 4]})], {})),
}
BLOCKS = {
    "depth to space": one("DepthToSpace", {"blocksize": 2}),
    "pixel shuffle": one("DepthToSpace", {"blocksize": 2, "mode": "CRD"}),
    "space to depth": one("SpaceToDepth", {"blocksize": 2}),
}


def agrees(path: Path, x: Any) -> torch.nn.Module:
    net = import_onnx(path)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    with torch.no_grad():
        found = net(torch.from_numpy(x))
    found = found if isinstance(found, tuple) else (found,)
    for mine, theirs in zip(found, session.run(None, {"x": x}), strict=True):
        assert tuple(mine.shape) == theirs.shape
        np.testing.assert_allclose(mine.numpy(), theirs, atol=2e-5, rtol=2e-5)
    return net


@pytest.mark.parametrize("name", CASES)
def test_an_operator_computes_what_onnxruntime_does(make: Make, name: str) -> None:
    nodes, constants = CASES[name]
    agrees(make(nodes, MAP, constants), real(2, 6, 9, 8))


@pytest.mark.parametrize("name", LATER)
def test_an_operator_of_another_opset_does_too(make: Make, name: str) -> None:
    opset, (nodes, constants) = LATER[name]
    agrees(make(nodes, MAP, constants, opset), real(2, 6, 9, 8))


@pytest.mark.parametrize("name", BLOCKS)
def test_blocks_move_between_depth_and_space(make: Make, name: str) -> None:
    nodes, constants = BLOCKS[name]
    agrees(make(nodes, ("N", 8, 6, 4), constants), real(2, 8, 6, 4))


def test_one_dimension_is_enough(make: Make) -> None:
    nodes = [
        ("Conv", "x w b", "c", {"pads": [1, 1]}),
        ("MaxPool", "c", "p", {"kernel_shape": [2], "strides": [2]}),
        ("GlobalAveragePool", "p", "y"),
    ]
    agrees(make(nodes, ("N", 3, 20), {"w": real(5, 3, 3), "b": real(5)}), real(2, 3, 20))


def test_the_batch_is_free_even_where_the_file_fixes_it(make: Make) -> None:
    nodes = [("Relu", "x", "r"), ("Reshape", "r s", "f"), ("MatMul", "f w", "y")]
    net = import_onnx(make(nodes, (1, 2, 3, 4), {"s": ints(1, 24), "w": real(24, 5)}))
    assert net(torch.zeros(7, 2, 3, 4)).shape == (7, 5)


def test_a_shape_computed_from_the_input_is_resolved(make: Make) -> None:
    nodes = [
        ("Shape", "x", "s"),
        ("Gather", "s zero", "n"),
        ("Unsqueeze", "n axis", "u"),
        ("Concat", "u rest", "t", {"axis": 0}),
        ("Reshape", "x t", "y"),
    ]
    constants = {"zero": np.int64(0), "axis": ints(0), "rest": ints(-1, 4)}
    net = agrees(make(nodes, MAP, constants), real(2, 6, 9, 8))
    assert [node.kind for node in trace(net, (6, 9, 8))] == ["input", "reshape"]


def test_channels_that_are_shuffled_stay_in_the_files_order(make: Make) -> None:
    nodes = [("Reshape", "x a", "g"), ("Transpose", "g", "t", {"perm": [0, 2, 1, 3, 4]}), ("Reshape", "t b", "y")]
    agrees(make(nodes, MAP, {"a": ints(0, 2, 3, 9, 8), "b": ints(-1, 6, 9, 8)}), real(2, 6, 9, 8))


def test_two_outputs_are_a_tuple(make: Make) -> None:
    nodes = [("Relu", "x", "y"), ("GlobalAveragePool", "y", "z")]
    agrees(make(nodes, MAP, outputs=("y", "z")), real(2, 6, 9, 8))


def test_half_precision_weights_become_single(make: Make) -> None:
    nodes = [("Cast", "x", "h", {"to": 10}), ("Conv", "h w", "c"), ("Cast", "c", "y", {"to": 1})]
    net = import_onnx(make(nodes, MAP, {"w": W.astype(np.float16)}))
    found = net(torch.zeros(1, 6, 9, 8))
    assert found.dtype == torch.float32
