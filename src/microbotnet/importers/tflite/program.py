"""From a .tflite file to the integer program that computes the same."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...errors import BadInput
from ...integer.fold import fold
from ...integer.operators import Lookup
from ...integer.program import Tensor
from ...integer.ranges import check
from ...integer.validation import check_consistent
from ..imported import Imported
from . import activations, convolutions, elementwise, moves, pools, softmax
from .activations import clamped, requantized, table_of
from .file import Node, Value, read
from .layout import Held, shape_in_order
from .lowering import Kind, Lowering, Q, Refused
from .shapes import evaluated

PICTURE, FEATURES = "picture", "features"

KINDS: dict[str, Kind] = {
    "ADD": elementwise.add,
    "AVERAGE_POOL_2D": pools.average_pool_2d,
    "BATCH_TO_SPACE_ND": convolutions.batch_to_space,
    "BROADCAST_TO": moves.move(moves.broadcast_to),
    "CONCATENATION": moves.concatenation,
    "CONV_2D": convolutions.conv_2d,
    "DEPTHWISE_CONV_2D": convolutions.depthwise_conv_2d,
    "DEPTH_TO_SPACE": moves.move(moves.depth_to_space),
    "EXPAND_DIMS": moves.move(moves.reshape),
    "FULLY_CONNECTED": convolutions.fully_connected,
    "GATHER": moves.move(moves.gather),
    "HARD_SWISH": activations.hard_swish,
    "LEAKY_RELU": activations.leaky_relu,
    "LOGISTIC": activations.logistic,
    "MAXIMUM": elementwise.maximum,
    "MAX_POOL_2D": pools.max_pool_2d,
    "MEAN": pools.mean,
    "MINIMUM": elementwise.minimum,
    "MUL": elementwise.mul,
    "PACK": moves.pack,
    "PAD": moves.pad,
    "PADV2": moves.pad,
    "PRELU": elementwise.prelu,
    "REDUCE_MAX": pools.reduce_max,
    "RELU": table_of(clamped(0, None)),
    "RELU6": table_of(clamped(0, 6)),
    "RELU_0_TO_1": table_of(clamped(0, 1)),
    "RELU_N1_TO_1": table_of(clamped(-1, 1)),
    "RESHAPE": moves.move(moves.reshape),
    "RESIZE_NEAREST_NEIGHBOR": moves.move(moves.resize_nearest),
    "REVERSE_V2": moves.move(moves.reverse),
    "SLICE": moves.move(moves.slice_),
    "SOFTMAX": softmax.softmax,
    "SPACE_TO_BATCH_ND": convolutions.space_to_batch,
    "SPACE_TO_DEPTH": moves.move(moves.space_to_depth),
    "SPLIT": moves.move(moves.split, 1),
    "SPLIT_V": moves.move(moves.split_v),
    "SQUEEZE": moves.move(moves.reshape),
    "STRIDED_SLICE": moves.move(moves.strided_slice),
    "SUB": elementwise.sub,
    "TANH": activations.tanh,
    "TILE": moves.move(moves.tile),
    "TRANSPOSE": moves.move(moves.transpose),
    "TRANSPOSE_CONV": convolutions.transpose_conv,
    "UNPACK": moves.move(moves.unpack),
}

# What can stand in the place of an operator that has no integer form here.
_INSTEAD = {
    "RESIZE_BILINEAR": "RESIZE_NEAREST_NEIGHBOR, or TRANSPOSE_CONV",
    "LOG_SOFTMAX": "SOFTMAX, or none: the class is the same",
    "L2_NORMALIZATION": "none: cosines have the order of products",
    "ARG_MAX": "none: the caller takes the largest output",
    "ELU": "RELU or LEAKY_RELU",
    "GELU": "HARD_SWISH or RELU",
    "MIRROR_PAD": "PAD",
    "DIV": "MUL by the reciprocal",
    "L2_POOL_2D": "AVERAGE_POOL_2D",
    "TRANSPOSE_CONV_3D": "TRANSPOSE_CONV",
    "CONV_3D": "CONV_2D",
}

_PIXELS = ((255.0, (-128,)), (1.0, (-128,)), (2.0, (-1, 0, 1)))  # what 255 steps stand for, and the zero points


def import_tflite(
    path: str | Path, *, pixels: bool | None = None, labels: Sequence[str] = (), name: str = ""
) -> Imported:
    """The program of a full-integer int8 .tflite file, and how near each layer is.

    The integers are those of TensorFlow Lite for Microcontrollers, bit for bit, wherever a layer says that it is
    exact. The file's rows, columns, channels become the program's channels, rows, columns.

    Args:
        pixels: whether the program takes pixels, uint8, for which the network's input is pixel − 128; otherwise it
            takes the file's int8. None: pixels, if the input is of 1 or 3 channels and its scale and zero point say
            that 0 to 255 stand for 0 to 255, 0 to 1 or −1 to 1.
        labels: the classes' names. name: of the network, for people; by default the file's.

    Raises:
        BadInput: the file cannot be read, is damaged, cut short or of another schema; it is not int8 throughout; it
            has shapes that are not fixed; or an operator has no integer form: it is named with its index and what it
            makes.
        ModuleNotFoundError: the package `tflite` is missing.
    """
    path = Path(path)
    file = read(path)
    lowering = Lowering(file)
    try:
        given = _input(lowering, pixels)
        for node in file.nodes:
            _lower(lowering, node, path)
        source = {"file": path.name, "network": name or path.stem, "integers": "TensorFlow Lite for Microcontrollers"}
        program = lowering.program(source, labels, given)
    except Refused as reason:
        raise BadInput(f"{path}: {reason}") from None
    try:
        program = fold(program)
        check_consistent(program)
        check(program)
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from None
    return Imported(program, tuple(lowering.layers))


def _lower(lowering: Lowering, node: Node, path: Path) -> None:
    """One operator of the file."""
    if node.index in lowering.done:
        return
    values = [lowering.values[i] for i in node.outputs]
    made = str(values[0]) if values else "nothing"
    place = f"{path}: operator {node.index} ({node.kind}), which makes {made}"
    if values and all(v.dtype in ("int32", "int64") and v.index not in lowering.file.outputs for v in values):
        _count(lowering, node)
        return
    lowering.node = node
    try:
        if node.kind not in KINDS:
            instead = (
                f"; use {_INSTEAD[node.kind]}" if node.kind in _INSTEAD else "; leave it to the caller or replace it"
            )
            raise Refused(f"this operator has no integer form{instead}")
        KINDS[node.kind](lowering, node)
    except Refused as reason:
        raise BadInput(f"{place}: {reason}") from None
    except BadInput as error:
        raise BadInput(f"{place}: {error}") from None
    except (ValueError, IndexError, OverflowError, ZeroDivisionError, MemoryError) as error:
        raise BadInput(f"{place}: contradicts itself: {error}") from None


def _count(lowering: Lowering, node: Node) -> None:
    """A node of whole numbers: the arithmetic of shapes."""
    values = [lowering.values[i] for i in node.inputs if i >= 0]
    inputs = [lowering.known.get(v.index, None if v.data is None else v.data.astype(np.int64)) for v in values]
    made = evaluated(node, inputs, [v.shape for v in values])
    if made is not None and all(v.fixed for v in values if node.kind == "SHAPE"):
        lowering.known[node.outputs[0]] = made


def _input(lowering: Lowering, pixels: bool | None) -> str:
    """Hold the network's input; the name of the program's."""
    file = lowering.file
    if len(file.inputs) != 1:
        raise Refused(f"has {len(file.inputs)} inputs; networks of one are read")
    value = file.values[file.inputs[0]]
    readers = [node for node in file.nodes if value.index in node.inputs]
    if len(value.shape) > 1 and value.shape[0] != 1:
        raise Refused(f"its input {value} is a batch of {value.shape[0]}; convert the network for one picture")
    if not value.fixed:
        raise Refused(f"its input {value} has a shape that is not fixed; convert the network for one size of input")
    if len(value.shape) > 4 or 0 in value.shape:
        raise Refused(f"its input {value} has the shape {list(value.shape)}")
    quantized = [lowering.file.values[node.outputs[0]] for node in readers if node.kind == "QUANTIZE" and node.outputs]
    if value.dtype in ("float32", "uint8") and len(quantized) == len(readers) > 0:
        lowering.done |= {node.index for node in readers}
    else:
        quantized = [value]
    if value.dtype == "uint8" and value not in quantized:
        return _bytes(lowering, value, quantized)
    scale, zero_point = lowering.scale(quantized[0])
    if any(lowering.scale(other) != (scale, zero_point) for other in quantized):
        raise Refused(f"its input {value} is quantized in several ways")
    shape = shape_in_order(value.shape)
    if pixels if pixels is not None else _is_picture(value, float(scale), zero_point):
        given = PICTURE
        lowering.tensors[given] = Tensor(given, shape, "uint8", 1 / 255, 0, 0, 255)
        lowering.append(
            Lookup("pixels", given, "pixels", Q[None].astype(np.int8)), shape, (-128, 127), float(scale), zero_point
        )
        tensor = "pixels"
    else:
        given = tensor = FEATURES
        lowering.tensors[given] = Tensor(given, shape, "int8", float(scale), zero_point, -128, 127)
    for other in quantized:
        lowering.hold(other, Held(tensor, value.shape))
    return given


def _bytes(lowering: Lowering, value: Value, quantized: list[Value]) -> str:
    """An input of uint8 that QUANTIZE makes int8."""
    if len(value.scales) != 1:
        raise Refused(f"its input {value} has {len(value.scales)} scales")
    of = value.scales[0], int(value.zero_points[0])
    shape = shape_in_order(value.shape)
    lowering.tensors[PICTURE] = Tensor(PICTURE, shape, "uint8", float(of[0]), int(np.clip(of[1], 0, 255)), 0, 255)
    for i, other in enumerate(quantized):
        scale, zero_point = lowering.scale(other)
        table = np.clip(requantized(np.arange(256), of, (scale, zero_point)), -128, 127)[None]
        name = f"pixels{i or ''}"
        operator = Lookup(name, PICTURE, name, table.astype(np.int8))
        lowering.append(operator, shape, (int(table.min()), int(table.max())), float(scale), zero_point)
        lowering.hold(other, Held(name, value.shape))
    return PICTURE


def _is_picture(value: Value, scale: float, zero_point: int) -> bool:
    """Whether q = pixel − 128 stands for 0 to 255, 0 to 1 or −1 to 1, of grey or red, green and blue."""
    if len(value.shape) != 4 or value.shape[3] not in (1, 3):
        return False
    return any(abs(255 * scale / span - 1) < 0.02 and zero_point in zeros for span, zeros in _PIXELS)


def _dequantize(lowering: Lowering, node: Node) -> None:
    """DEQUANTIZE at the end: the program hands on the integers."""
    x, y = lowering.input(node, 0), lowering.output(node)
    if x.dtype != "int8":
        raise Refused(f"{x} is {x.dtype}; only int8 networks are read: quantize it in full, inputs and outputs too")
    if y.index not in lowering.file.outputs or any(y.index in other.inputs for other in lowering.file.nodes):
        raise Refused("what follows is in floating point; quantize the network in full")
    lowering.scale(x)
    lowering.held[y.index] = lowering.read(x)


def _quantize(lowering: Lowering, node: Node) -> None:
    """QUANTIZE of int8 to another scale, or to uint8 at the end, which is handed on 128 lower as int8."""
    x, y = lowering.input(node, 0), lowering.output(node)
    if y.dtype != "uint8":
        table_of(requantized)(lowering, node)
        return
    if len(y.scales) != 1 or any(y.index in other.inputs for other in lowering.file.nodes):
        raise Refused("what follows is uint8; quantize the network to int8")
    lowered = Value(y.index, y.name, y.shape, "int8", y.scales, y.zero_points - 128, 0, None)
    if lowering.scale(x) == lowering.scale(lowered):
        lowering.held[y.index] = lowering.read(x)
        return
    table = np.clip(requantized(Q, lowering.scale(x), lowering.scale(lowered)), -128, 127)[None]
    lowering.look_up(node, lowered, x, table)


KINDS |= {"DEQUANTIZE": _dequantize, "QUANTIZE": _quantize}
