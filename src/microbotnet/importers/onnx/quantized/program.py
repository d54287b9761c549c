"""From a quantized file to the integer program that computes the same."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import prod

import numpy as np

from ....errors import BadInput
from ....integer.fold import fold as fold_program
from ....integer.operators import Lookup, Pad
from ....integer.program import Program, Tensor
from ....integer.ranges import check
from ....integer.validation import check_consistent
from ...imported import Imported, Layer
from ..constants import FOLDED, evaluate, fold
from ..file import File, Node, Refused
from ..nearest import nearest_places
from . import convolutions, elementwise, pools
from .arithmetic import Q, quantized
from .lowering import Lowering, Value
from .values import Held, Operand, Pending, Real, Target, demand, in_order, program_shape

PICTURE, FEATURES = "picture", "features"
_NAMES = "QLinearConv QLinearMatMul QGemm QLinearAdd QLinearMul QLinearConcat QuantizeLinear DequantizeLinear"
QUANTIZED = set(_NAMES.split())
_MOVES = """
    DepthToSpace Expand Flatten Gather Reshape Slice SpaceToDepth Split Squeeze Tile Transpose Unsqueeze
"""
_FUNCTIONS = """
    Abs Ceil Celu Clip Elu Erf Exp Floor Gelu HardSigmoid HardSwish LeakyRelu Log Mish Neg Pow Reciprocal Relu Round
    Selu Sigmoid Sign Softplus Softsign Sqrt Tanh ThresholdedRelu
"""


def is_quantized(file: File) -> bool:
    """Whether a file holds a network of integers."""
    return any(node.kind in QUANTIZED for node in file.nodes)


def to_program(
    file: File,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    *,
    labels: Sequence[str] = (),
    name: str = "",
) -> Imported:
    """The program of a quantized file, and how near each layer is to onnxruntime's.

    Args:
        mean, std: of each channel of the pictures, on the scale 0…1: the program then takes pixels, uint8. Without
            them it takes the integers that the file's first QuantizeLinear makes, as int8.

    Raises:
        BadInput: a node that computes in real numbers or has no integer form (it is named).
    """
    path = file.path
    try:
        fold(file, frozenset({"DequantizeLinear"}))
        demand(bool(file.nodes), "its outputs are constants")
        b = Lowering(file)
        given = _input(b, mean, std)
    except Refused as reason:
        raise BadInput(f"{path}: {reason}") from None
    for node in file.nodes:
        b.node = node
        try:
            _take(b, node)
        except Refused as reason:
            raise BadInput(f"{node.place}: {reason}") from None
        except (ValueError, TypeError, IndexError, KeyError, OverflowError, MemoryError) as error:
            line = " ".join(str(error).split())[:200] or type(error).__name__
            raise BadInput(f"{node.place}: does not fit what it is given: {line}") from None
    source = {"file": path.name, "network": name or path.stem, "integers": "onnxruntime"}
    try:
        program = Program(b.tensors, tuple(b.operators), given, _outputs(b, given), tuple(labels), source)
        if labels and len(labels) != program.scores.shape[0]:
            raise BadInput(f"{len(labels)} labels for a network with {program.scores.shape[0]} outputs")
        program = fold_program(program)
        check_consistent(program)
        check(program)
    except (BadInput, Refused) as error:
        raise BadInput(f"{path}: {error}") from None
    return Imported(program, tuple(b.layers))


def _input(b: Lowering, mean: Sequence[float] | None, std: Sequence[float] | None) -> str:
    """Hold the network's input; the name of the program's."""
    file = b.file
    shape = tuple(n or 0 for n in file.dims[1:])
    turned = len(shape) == 3 and shape[2] in (1, 3) and shape[0] not in (1, 3)
    at = in_order((shape[2], shape[0], shape[1])).transpose(1, 2, 0) if turned else in_order(shape)
    own = (shape[2], shape[0], shape[1]) if turned else program_shape(shape)
    if mean is not None or std is not None:
        if mean is None or std is None or len(mean) != own[0] or len(std) != own[0] or len(shape) != 3:
            raise Refused(f"takes {'×'.join(map(str, shape))}; give a mean and a standard deviation for each channel")
        b.tensors[PICTURE] = Tensor(PICTURE, own, "uint8", 1 / 255, 0, 0, 255)
        grey = np.arange(256, dtype=np.float32)[None] / np.float32(255)
        middle, spread = (np.array(values, np.float32)[:, None] for values in (mean, std))
        table = (grey - middle) / spread
        b.values[file.input] = Real(Held(PICTURE, at, True), table.astype(np.float32))
        return PICTURE
    made = _first_quantized(file)
    if made is None:
        raise Refused(
            f"its input {file.input} is not quantized at once; give mean and std, so that it takes pixels, or leave "
            "what comes before QuantizeLinear to the caller"
        )
    b.node = made
    scale, zero_point, unsigned = b.quantization(1)
    b.tensors[FEATURES] = Tensor(FEATURES, own, "int8", float(scale), zero_point, -128, 127)
    operand = Operand(Held(FEATURES, at, unsigned), scale, zero_point)
    b.values[file.input] = b.real(operand)
    return FEATURES


def _first_quantized(file: File) -> Node | None:
    """The node that quantizes the input, if nothing is computed before."""
    names, found = {file.input}, None
    for node in file.nodes:
        if names & set(node.inputs):
            if node.kind == "QuantizeLinear":
                found = found or node
            elif node.kind in ("Pad", "Identity", "Shape", *_MOVES.split()):
                names |= set(node.outputs) if node.kind != "Shape" else set()
            else:
                return None
    return found


def _take(b: Lowering, node: Node) -> None:
    """Add one node."""
    if node.number in b.skipped:
        return
    computed = [name for name in node.inputs if name in b.values]
    if node.kind in ("Shape", "Size") and computed:
        shape = np.array((1, *_shape(b.values[computed[0]])), np.int64)
        made = shape[node.get("start", 0) : node.get("end", None)] if node.kind == "Shape" else np.array(shape.prod())
        b.constants[node.outputs[0]] = made
    elif not computed:
        _constant(b, node)
    elif node.kind in _KINDS:
        _KINDS[node.kind](b)
    else:
        raise Refused(
            "this operator has no integer form; leave it to the caller, or import the network before it was quantized"
        )


def _constant(b: Lowering, node: Node) -> None:
    if node.kind == "DequantizeLinear":
        zero = b.constant(2) if b.has(2) else None
        b.dequantized[node.outputs[0]] = (b.constant(0), b.constant(1), zero)
    elif node.kind == "QuantizeLinear":
        scale, zero = b.constant(1), b.constant(2) if b.has(2) else np.zeros((), np.uint8)
        x, axis = b.constant(0), int(node.get("axis", 1))
        wide = [-1 if i == axis % max(x.ndim, 1) else 1 for i in range(x.ndim)] if scale.size > 1 else ()
        limits = np.iinfo(zero.dtype)
        y = np.rint(x / scale.reshape(wide)) + zero.astype(np.int64).reshape(wide)
        b.constants[node.outputs[0]] = np.clip(y, limits.min, limits.max).astype(zero.dtype)
    elif node.kind in FOLDED and all(not name or name in b.constants for name in node.inputs):
        values = {name: b.constants[name] for name in node.inputs if name}
        b.constants |= dict(zip(node.outputs, evaluate([node], b.file.opset, values, node.outputs), strict=True))
    else:
        raise Refused("is given constants only, and is not computed here")


def _shape(value: Value) -> tuple[int, ...]:
    return value.shape if isinstance(value, Held | Pending) else value.held.shape


def _quantize(b: Lowering) -> None:
    b.values[b.node.outputs[0]] = b.quantize(b.given(), Target(*b.quantization(1)))


def _dequantize(b: Lowering) -> None:
    value = b.given()
    if not isinstance(value, Held):
        raise Refused("dequantizes real numbers")
    scale, zero_point, _ = b.quantization(1)
    b.values[b.node.outputs[0]] = b.real(Operand(value, scale, zero_point))


def _move(b: Lowering) -> None:
    """What only moves elements."""
    value, node = b.given(), b.node
    if node.kind == "Reshape":
        node = _for_one(b, node)
    if isinstance(value, Pending):
        (like,) = b.by_places(node, Held("", in_order(value.shape), False))
        waiting, move = value, node
        finish = lambda target: b.by_places(move, waiting.finish(target))[0]  # noqa: E731
        b.values[node.outputs[0]] = replace(waiting, finish=finish, shape=like.shape)
        return
    held = value if isinstance(value, Held) else value.held
    made = b.by_places(node, held)
    for name, moved in zip(node.outputs, made, strict=True):
        b.values[name] = moved if isinstance(value, Held) else _at(value, moved)


def _for_one(b: Lowering, node: Node) -> Node:
    """A Reshape of one picture where the file fixes another batch."""
    batch, target = b.file.dims[0], b.constant(1).reshape(-1).copy()
    if batch not in (None, 1) and len(target) and target[0] == batch:
        target[0] = 1
        b.constants[f"{node.name}.target"] = target
        return Node(node.name, node.kind, (node.inputs[0], f"{node.name}.target"), node.outputs, node.attributes,
                    node.place, node.number)  # fmt: skip
    return node


def _at(value: Real, held: Held) -> Real:
    demand(len(value.table) == 1 or value.of is None, "moves what differs by channel")
    of = value.of and Operand(held, value.of.scale, value.of.zero_point)
    return Real(held, value.table, of, value.grid)


def _resize(b: Lowering) -> None:
    value = b.given()
    if isinstance(value, Pending):
        raise Refused("resizes what is not quantized yet")
    held = value if isinstance(value, Held) else value.held
    rows = nearest_places(b.node, (1, *held.shape), lambda place: b.constant(place) if b.has(place) else None)
    at = held.at
    for axis, row in enumerate(rows[1:]):
        at = at.take(row, axis=axis)
    b.values[b.node.outputs[0]] = held.moved(at) if isinstance(value, Held) else _at(value, held.moved(at))


def _pad(b: Lowering) -> None:
    """Pad by one value: the integer that stands for it."""
    value, node = b.given(), b.node
    if isinstance(value, Pending):
        raise Refused("pads what is not quantized yet")
    held = value if isinstance(value, Held) else value.held
    demand(node.get("mode", "constant") == "constant", "pads by what is inside; only by a constant is read")
    pads = node.get("pads", None) or [int(n) for n in b.constant(1).reshape(-1)]
    rank = len(held.shape)
    axes = [int(n) for n in b.constant(3).reshape(-1)] if b.has(3) else list(range(rank + 1))
    around = [(0, 0)] * (rank + 1)
    for place, axis in enumerate(axes):
        around[axis] = pads[place], pads[place + len(axes)]
    demand(not any(around[0]), "pads the batch")
    fills = b.real_constant(node.inputs[2]) if b.has(2) else np.zeros(1)
    demand(fills is not None and fills.size == 1, "pads by what is computed")
    assert fills is not None
    number = float(fills.reshape(()) if fills.ndim == 0 else fills.reshape(-1)[0])
    tensor = b.tensors[held.tensor]
    if isinstance(value, Real):
        demand(value.of is not None, "pads real numbers")
        assert value.of is not None
        fill = int(
            np.clip(quantized(np.array([number], np.float32), value.of.scale, value.of.zero_point)[0], -128, 127)
        )
    else:
        fill = int(number) - (128 if held.unsigned else 0)
    cut = [(min(p, 0), min(q, 0)) for p, q in around[1:]]
    at = held.at[tuple(slice(-p, n + q) for n, (p, q) in zip(held.shape, cut, strict=True))]
    sides = [(max(p, 0), max(q, 0)) for p, q in around[1:]]
    shape = tuple(n + p + q for n, (p, q) in zip(at.shape, sides, strict=True))
    demand(prod(shape) <= 2**28 and prod(shape) > 0, "makes too large a map, or none")
    made = held.moved(at)
    if any(map(any, sides)):
        x = b.ordered(made)
        three = [(0, 0)] * (3 - rank) + sides if rank <= 3 else []
        if rank == 1:
            three = [*sides, (0, 0), (0, 0)]
        elif rank == 2:
            three = [sides[0], (0, 0), sides[1]]
        demand(len(three) == 3, "pads what is no map")
        name = b.name()
        before = three[0][0], three[1][0], three[2][0]
        span = min(x.low, fill), max(x.high, fill)
        target = Target(np.float32(x.scale), x.zero_point, held.unsigned)
        b.append(Pad(name, x.name, name, before, fill), program_shape(shape), span, target)
        b.tell(name)
        made = Held(name, in_order(shape), held.unsigned)
    b.values[node.outputs[0]] = made if isinstance(value, Held) else _at(value, made)
    demand(tensor.dtype == "int8", "pads the input's pixels")


def _same(b: Lowering) -> None:
    b.values[b.node.outputs[0]] = b.given()


def _softmax(b: Lowering) -> None:
    """At the end it does not change which class is first: what it is of is the output."""
    names = {b.node.outputs[0]}
    for node in b.file.nodes:
        if names & set(node.inputs):
            demand(node.kind in ("QuantizeLinear", "DequantizeLinear", "Identity"), "is read by the network itself")
            names |= set(node.outputs)
            b.skipped.add(node.number)
    value = b.given()
    axis = int(b.node.get("axis", 1 if b.file.opset < 13 else -1))
    demand(len(_shape(value)) == 1 and axis in (1, -1), "is not over a list of scores")
    b.layers.append(Layer(b.node.name, False, 255))
    for name in names:
        b.values[name] = value


def _outputs(b: Lowering, given: str) -> tuple[str, ...]:
    """The program's outputs."""
    names: list[str] = []
    for output in b.file.outputs:
        value = b.values.get(output)
        if value is None:
            raise Refused(f"its output {output} is a constant")
        if isinstance(value, Pending):
            value = value.finish(Target(np.float32(0), 0, False, value.least, value.most))
        held = _as_integers(b, value, output)
        tensor = b.tensors[held.tensor]
        if len(held.shape) > 3 or tensor.dtype == "int8":
            tensor = b.ordered(held)
        if tensor.name in names or tensor.name == given:
            name = f"{output}.output"
            b.operators.append(Lookup(name, tensor.name, name, Q[None].astype(np.int8)))
            b.tensors[name] = Tensor(
                name, tensor.shape, "int8", tensor.scale, tensor.zero_point, tensor.low, tensor.high
            )
            tensor = b.tensors[name]
        names.append(tensor.name)
    return tuple(names)


def _as_integers(b: Lowering, value: Value, output: str) -> Held:
    if isinstance(value, Held):
        return value
    if isinstance(value, Real) and value.of is not None:
        return value.of.held
    if isinstance(value, Real):  # a function of integers, in as fine integers as there are
        low, high = float(min(value.table.min(), 0)), float(max(value.table.max(), 0))
        scale = np.float32(max(high - low, 1e-30) / 255)
        zero_point = round(-128 - low / float(scale))
        return b.look_up(value.held, quantized(value.table, scale, zero_point), Target(scale, zero_point, False))
    raise Refused(f"its output {output} is not quantized")


_KINDS: dict[str, Callable[[Lowering], None]] = {
    **dict.fromkeys(_MOVES.split(), _move),
    **dict.fromkeys(_FUNCTIONS.split(), elementwise.function),
    **dict.fromkeys(("Add", "Div", "Mul", "Sub"), elementwise.pair),
    **dict.fromkeys(("Max", "Min"), elementwise.extreme),
    **dict.fromkeys(("QLinearAdd", "QLinearMul"), elementwise.qlinear_pair),
    **dict.fromkeys(("QLinearSigmoid", "QLinearLeakyRelu"), elementwise.qlinear_function),
    **dict.fromkeys(("Cast", "Dropout", "Identity"), _same),
    **dict.fromkeys(("LogSoftmax", "QLinearSoftmax", "Softmax"), _softmax),
    "AveragePool": pools.average,
    "Concat": elementwise.concat,
    "Conv": convolutions.conv,
    "DequantizeLinear": _dequantize,
    "Gemm": convolutions.gemm,
    "GlobalAveragePool": pools.global_average,
    "GlobalMaxPool": pools.global_max_pool,
    "MatMul": convolutions.matmul,
    "MaxPool": pools.max_pool,
    "Pad": _pad,
    "QGemm": convolutions.qgemm,
    "QLinearAveragePool": pools.qlinear_average,
    "QLinearConcat": elementwise.qlinear_concat,
    "QLinearConv": convolutions.qlinear_conv,
    "QLinearGlobalAveragePool": pools.qlinear_global_average,
    "QLinearMatMul": convolutions.qlinear_matmul,
    "QuantizeLinear": _quantize,
    "ReduceMean": pools.reduce_mean,
    "Resize": _resize,
}
