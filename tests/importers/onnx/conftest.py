from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Write an ONNX file: nodes (kind, inputs, outputs, attributes), arrays by name; "x" goes in and "y" comes out."""

    def write(
        nodes: Sequence[tuple[Any, ...]],
        shape: Sequence[int | str],
        constants: dict[str, Any] | None = None,
        opset: int = 13,
        outputs: Sequence[str] = ("y",),
        domains: Sequence[str] = ("",),
        name: str = "net.onnx",
    ) -> Path:
        made = []
        for number, (kind, inputs, results, *rest) in enumerate(nodes):
            attributes = dict(rest[0]) if rest else {}
            made.append(helper.make_node(kind, inputs.split(), results.split(), f"{kind}_{number}", **attributes))
        for node in made:  # an input that is left out
            node.input[:] = ["" if name == "-" else name for name in node.input]
        arrays = [numpy_helper.from_array(np.asarray(a), key) for key, a in (constants or {}).items()]
        graph = helper.make_graph(
            made,
            "net",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info(out, TensorProto.FLOAT, None) for out in outputs],
            arrays,
        )
        model = helper.make_model(
            graph, ir_version=8 if opset < 20 else 10, opset_imports=[helper.make_opsetid(d, opset) for d in domains]
        )
        path = tmp_path / name
        onnx.save(model, path)
        return path

    return write
