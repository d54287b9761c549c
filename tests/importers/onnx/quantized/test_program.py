"""Programs from onnxruntime's quantizer, against onnxruntime."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from microbotnet.errors import BadInput
from microbotnet.importers.imported import Imported
from microbotnet.importers.onnx import import_onnx
from microbotnet.integer.interpreter import run_all

MEAN, STD = (0.5, 0.4, 0.45), (0.25, 0.2, 0.3)
R = np.random.default_rng(3)
QDQ, QOPERATOR = QuantFormat.QDQ, QuantFormat.QOperator
SIGNED, UNSIGNED = QuantType.QInt8, QuantType.QUInt8

FORMS: dict[str, dict[str, Any]] = {
    "QDQ": {"quant_format": QDQ, "activation_type": UNSIGNED, "weight_type": SIGNED},
    "QDQ, per channel, signed": {
        "quant_format": QDQ, "activation_type": SIGNED, "weight_type": SIGNED, "per_channel": True,
    },
    "QDQ, unsigned weights": {"quant_format": QDQ, "activation_type": UNSIGNED, "weight_type": UNSIGNED},
    "QOperator": {"quant_format": QOPERATOR, "activation_type": UNSIGNED, "weight_type": UNSIGNED},
    "QOperator, per channel, 7 bits": {
        "quant_format": QOPERATOR, "activation_type": UNSIGNED, "weight_type": SIGNED, "per_channel": True,
        "reduce_range": True,
    },
    "QOperator, symmetric": {
        "quant_format": QOPERATOR, "activation_type": SIGNED, "weight_type": SIGNED,
        "extra_options": {"ActivationSymmetric": True},
    },
}  # fmt: skip


class Pictures(CalibrationDataReader):
    def __init__(self, x: Any) -> None:
        self.batches: Iterator[Any] = iter([{"x": x[i : i + 8]} for i in range(0, len(x), 8)])

    def get_next(self) -> Any:
        return next(self.batches, None)


def real(*shape: int) -> Any:
    return (R.normal(size=shape) / np.sqrt(np.prod(shape[1:] or (1,)))).astype(np.float32)


def pixels(count: int) -> Any:
    return R.integers(0, 256, (count, 3, 12, 11), np.uint8)


def normalised(q: Any) -> Any:
    mean, std = (np.float32(v)[:, None, None] for v in (MEAN, STD))
    return (q.astype(np.float32) / 255 - mean) / std


NODES: list[tuple[Any, ...]] = [
    ("Conv", "x w0 b0", "c0", {"pads": [1, 1, 1, 1], "strides": [2, 1]}),
    ("Relu", "c0", "r0"),
    ("Conv", "r0 w1", "c1", {"pads": [0, 1, 2, 1], "group": 8}),
    ("HardSigmoid", "c1", "h1", {"alpha": 1 / 6}),
    ("Mul", "c1 h1", "m1"),
    ("Conv", "m1 w2 b2", "c2", {"dilations": [2, 1], "pads": [2, 1, 2, 1]}),
    ("Add", "c2 r0", "a2"),
    ("GlobalAveragePool", "a2", "p2"),
    ("Conv", "p2 w3 b3", "c3"),
    ("Sigmoid", "c3", "s3"),
    ("Mul", "a2 s3", "g3"),
    ("MaxPool", "g3", "x3", {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}),
    ("Conv", "x3 w4", "c4"),
    ("LeakyRelu", "c4", "l4", {"alpha": 0.1}),
    ("Concat", "l4 x3", "t4", {"axis": 1}),
    ("Flatten", "t4", "f4"),
    ("Gemm", "f4 w5 b5", "y", {"transB": 1}),
]


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    arrays = {
        "w0": real(8, 3, 3, 3), "b0": real(8), "w1": real(8, 1, 3, 3), "w2": real(8, 8, 3, 3), "b2": real(8),
        "w3": real(8, 8, 1, 1), "b3": real(8), "w4": real(4, 8, 1, 1), "w5": real(7, 216), "b5": real(7),
    }  # fmt: skip
    return written(NODES, arrays, tmp_path_factory.mktemp("quantized") / "float.onnx")


def written(nodes: list[tuple[Any, ...]], arrays: dict[str, Any], path: Path) -> Path:
    made = [helper.make_node(k, i.split(), o.split(), f"{k}_{n}", **dict(*a)) for n, (k, i, o, *a) in enumerate(nodes)]
    graph = helper.make_graph(
        made,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, 12, 11])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(a, name) for name, a in arrays.items()],
    )
    onnx.save(helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 13)]), path)
    return path


def quantized(path: Path, form: str) -> Path:
    logging.disable(logging.WARNING)
    quantize_static(path, path.parent / "int8.onnx", Pictures(normalised(pixels(32))), **FORMS[form])
    logging.disable(logging.NOTSET)
    return path.parent / "int8.onnx"


def difference(found: Imported, path: Path, count: int = 64, exact: bool = True) -> Any:
    """Between the outputs, in units. Unless `exact`, onnxruntime's sums saturate at 16 bits on x86-64 without VNNI."""
    q = pixels(count)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.add_session_config_entry("session.x64quantprecision", str(int(exact)))
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    (theirs,) = session.run(None, {"x": normalised(q)})
    y = found.program.result
    mine = run_all(found.program, q)[y.name].reshape(theirs.shape)
    return np.abs(mine - (np.rint(theirs / np.float32(y.scale)) + y.zero_point))


@pytest.mark.parametrize("form", FORMS)
def test_a_quantized_network_gives_onnxruntimes_integers(network: Path, form: str) -> None:
    path = quantized(network, form)
    found = import_onnx(path, mean=MEAN, std=STD, labels=list("abcdefg"))
    assert isinstance(found, Imported)
    off = difference(found, path, exact=form != "QOperator, symmetric")  # onnxruntime has no exact QGemm of int8
    assert (off <= 1).mean() >= 0.99
    assert (off == 0).mean() >= 0.9
    assert {layer.worst_units for layer in found.layers} <= {0, 1}
    assert found.program.labels == tuple("abcdefg")


def test_without_a_mean_the_input_is_the_files_integers(network: Path) -> None:
    path = quantized(network, "QDQ")
    pictures, features = import_onnx(path, mean=MEAN, std=STD), import_onnx(path)
    assert isinstance(pictures, Imported)
    assert isinstance(features, Imported)
    given = features.program.tensors[features.program.input]
    assert given.dtype == "int8"
    q = pixels(5)
    x = np.clip(np.rint(normalised(q) / np.float32(given.scale)) + given.zero_point, -128, 127).astype(np.int8)
    (name,) = features.program.outputs
    assert (run_all(features.program, x)[name] == run_all(pictures.program, q)[name]).all()


def test_what_only_moves_elements_moves_no_bytes_before_a_linear_layer(tmp_path: Path) -> None:
    nodes = [
        ("Conv", "x w0", "c"),
        ("Transpose", "c", "t", {"perm": [0, 2, 3, 1]}),
        ("Reshape", "t s", "r"),
        ("MatMul", "r w1", "y"),
    ]
    arrays = {"w0": real(4, 3, 1, 1), "s": np.array([-1, 528]), "w1": real(528, 5)}
    path = quantized(written(nodes, arrays, tmp_path / "float.onnx"), "QDQ")
    found = import_onnx(path, mean=MEAN, std=STD)
    assert isinstance(found, Imported)
    assert [type(o).__name__ for o in found.program.operators] == ["Lookup", "Convolve", "Convolve"]
    assert (difference(found, path) <= 1).all()


def test_a_channel_shuffle_is_one_view(tmp_path: Path) -> None:
    nodes = [
        ("Conv", "x w0", "c"),
        ("Reshape", "c s", "r"),
        ("Transpose", "r", "t", {"perm": [0, 2, 1, 3, 4]}),
        ("Reshape", "t b", "m"),
        ("Conv", "m w1", "y", {"group": 2}),
    ]
    arrays = {
        "w0": real(4, 3, 1, 1),
        "s": np.array([-1, 2, 2, 12, 11]),
        "b": np.array([-1, 4, 12, 11]),
        "w1": real(4, 2, 3, 3),
    }
    path = quantized(written(nodes, arrays, tmp_path / "float.onnx"), "QDQ, per channel, signed")
    found = import_onnx(path, mean=MEAN, std=STD)
    assert isinstance(found, Imported)
    assert [type(o).__name__ for o in found.program.operators] == ["Lookup", "Convolve", "View", "Convolve"]
    assert (difference(found, path) <= 1).all()


def test_an_average_of_one_scale_is_off_only_at_its_halves(tmp_path: Path) -> None:
    nodes = [("Conv", "x w", "c"), ("AveragePool", "c", "y", {"kernel_shape": [2, 2], "strides": [2, 2]})]
    path = quantized(written(nodes, {"w": real(4, 3, 1, 1)}, tmp_path / "float.onnx"), "QDQ")
    found = import_onnx(path, mean=MEAN, std=STD)
    assert isinstance(found, Imported)
    assert [(layer.name, layer.exact, layer.worst_units) for layer in found.layers][-1] == ("AveragePool_1", False, 1)
    off = difference(found, path)
    assert off.max() <= 1
    assert (off == 0).mean() >= 0.8


def test_a_softmax_at_the_end_is_left_out_and_said(tmp_path: Path) -> None:
    nodes = [
        ("GlobalAveragePool", "x", "p"),
        ("Flatten", "p", "f"),
        ("Gemm", "f w", "g"),
        ("Softmax", "g", "y", {"axis": 1}),
    ]
    path = quantized(written(nodes, {"w": real(3, 5)}, tmp_path / "float.onnx"), "QDQ")
    found = import_onnx(path, mean=MEAN, std=STD)
    assert isinstance(found, Imported)
    assert [layer.name for layer in found.layers if not layer.exact and layer.worst_units == 255] == ["Softmax_3"]
    assert found.program.result.shape == (5, 1, 1)


def test_a_node_that_stays_in_real_numbers_is_named(tmp_path: Path) -> None:
    nodes = [("Conv", "x w", "c"), ("InstanceNormalization", "c s s", "i"), ("Conv", "i v", "y")]
    arrays = {"w": real(4, 3, 1, 1), "s": np.ones(4, np.float32), "v": real(4, 4, 1, 1)}
    path = quantized(written(nodes, arrays, tmp_path / "float.onnx"), "QDQ")
    with pytest.raises(BadInput, match=r"node InstanceNormalization_1 \(InstanceNormalization\)"):
        import_onnx(path, mean=MEAN, std=STD)


def test_a_mean_of_other_channels_is_refused(network: Path) -> None:
    with pytest.raises(BadInput, match="for each channel"):
        import_onnx(quantized(network, "QDQ"), mean=(0.5,), std=(0.5,))
