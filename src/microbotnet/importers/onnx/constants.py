"""What does not depend on the input is computed once, by the reference evaluator of ONNX itself, in NumPy."""

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from .file import Array, File, Node, Refused

_LARGEST = 2**27  # elements of a constant that is computed
_NAMES = """
    Abs Add And Cast CastLike Ceil Clip Concat Constant ConstantOfShape DequantizeLinear Div Equal Erf Exp Expand
    Flatten Floor Gather Greater GreaterOrEqual Identity Less LessOrEqual Log MatMul Max Min Mod Mul Neg Not Or Pow
    Range Reciprocal ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum Reshape Round ScatterND Shape Sigmoid Size
    Slice Split Sqrt Squeeze Sub Sum Tanh Tile Transpose Unsqueeze Where
"""
FOLDED = set(_NAMES.split())


def fold(file: File, keep: frozenset[str] = frozenset()) -> None:
    """Compute, in place, every node all of whose inputs are constants; kinds in `keep` are left as they are."""
    rest = []
    for node in file.nodes:
        constant = node.kind in FOLDED - keep and all(not name or name in file.constants for name in node.inputs)
        if not constant or (not node.inputs and node.kind != "Constant"):
            rest.append(node)
            continue
        values = [file.constants[name] if name else None for name in node.inputs]
        made = evaluate([node], file.opset, dict(zip(node.inputs, values, strict=True)), node.outputs)
        file.constants.update(zip(node.outputs, made, strict=True))
    file.nodes = rest
    file.count_readers()


def evaluate(
    nodes: Sequence[Node], opset: int, values: Mapping[str, Array | None], outputs: Sequence[str]
) -> tuple[Array, ...]:
    """Run nodes on arrays.

    Raises:
        Refused: they cannot take them.
    """
    given = {name: value for name, value in values.items() if name and value is not None}
    for node in nodes:
        if node.kind == "Constant":
            continue
        _check_size(node, [given.get(name) for name in node.inputs])
    infos = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)
        for name, value in given.items()
    ]
    results = [helper.make_tensor_value_info(name, TensorProto.UNDEFINED, None) for name in outputs if name]
    try:
        graph = helper.make_graph([_proto(node) for node in nodes], "constant", infos, results)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
        with np.errstate(all="ignore"):
            found = ReferenceEvaluator(model).run(None, given)
    except Exception as error:  # whatever a broken node makes the evaluator stumble over
        raise Refused(f"cannot be computed from its constants: {_line(error)}") from None
    return tuple(np.asarray(value) for value in found)


def _check_size(node: Node, values: list[Array | None]) -> None:
    """Refuse what would make an array too large to be meant."""
    first, second = [*values, None, None][:2]
    size = 0
    if first is None:
        return
    if node.kind == "ConstantOfShape":
        size = prod(int(n) for n in first.reshape(-1))
    elif node.kind in ("Expand", "Tile") and second is not None:
        size = prod(int(n) for n in second.reshape(-1)) * first.size
    elif node.kind == "Range" and second is not None and values[2] is not None and float(values[2]):
        size = int((float(second) - float(first)) / float(values[2]))
    if size > _LARGEST:
        raise Refused(f"would make a constant of {size} elements")


def _proto(node: Node) -> Any:
    attributes = {
        name: numpy_helper.from_array(value) if isinstance(value, np.ndarray) else value
        for name, value in node.attributes.items()
        if not (isinstance(value, list) and not value)
    }
    return helper.make_node(node.kind, node.inputs, node.outputs, **attributes)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
