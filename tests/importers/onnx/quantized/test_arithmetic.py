"""onnxruntime's arithmetic, operator by operator, on every pair of integers."""

from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper

from microbotnet.importers.onnx.quantized.arithmetic import product_of_pairs, requantized, sum_of_pairs


def run(node: Any, a: Any, b: Any | None = None) -> Any:
    arrays = {"a": a} if b is None else {"a": a, "b": b}
    graph = helper.make_graph(
        [node],
        "one",
        [helper.make_tensor_value_info(n, TensorProto.INT8, v.shape) for n, v in arrays.items()],
        [helper.make_tensor_value_info("y", TensorProto.INT8, None)],
        [helper.make_tensor(n, t, [], [v]) for n, t, v in CONSTANTS],
    )
    domains = [helper.make_opsetid("", 13), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, ir_version=8, opset_imports=domains)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, arrays)[0]


SCALES, ZEROS = np.float32([0.0371, 0.0518, 0.0629]), (3, -17, -40)
CONSTANTS: list[tuple[str, int, Any]] = [(f"s{i}", TensorProto.FLOAT, float(s)) for i, s in enumerate(SCALES)]
CONSTANTS += [(f"z{i}", TensorProto.INT8, z) for i, z in enumerate(ZEROS)]


@pytest.mark.parametrize(("kind", "pairs"), [("QLinearAdd", sum_of_pairs), ("QLinearMul", product_of_pairs)])
def test_sums_and_products_of_all_pairs_are_onnxruntimes(kind: str, pairs: Any) -> None:
    q = np.arange(-128, 128, dtype=np.int8)
    a, b = np.repeat(q, 256), np.tile(q, 256)
    node = helper.make_node(kind, ["a", "s0", "z0", "b", "s1", "z1", "s2", "z2"], ["y"], domain="com.microsoft")
    mine = np.clip(pairs(a.astype(np.int64), b.astype(np.int64), tuple(SCALES), ZEROS), -128, 127)
    assert (mine == run(node, a, b)).all()


def test_sums_are_scaled_in_float32_and_rounded_half_to_even() -> None:
    acc = np.array([[-5, -3, -1, 1, 3, 5, 7]])
    assert requantized(np.float32([0.5]), 0, -128, 127)(acc).tolist() == [[-2, -2, 0, 0, 2, 2, 4]]
    assert requantized(np.float32([1.0]), 0, -128, 127)(np.array([[300, -300]])).tolist() == [[127, -128]]
