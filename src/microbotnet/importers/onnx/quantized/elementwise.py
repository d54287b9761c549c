"""Functions of one value as tables; sums, products and extremes of two; concatenations."""

from collections.abc import Callable
from dataclasses import replace
from math import prod

import numpy as np

from ....integer.operators import Add, Concatenate, Extreme, Gate
from ....integer.pairs import sum_of
from ....integer.program import Requantize, Tensor
from ....integer.ranges import Range
from ....integer.steps import rounding_of
from ..constants import evaluate
from ..file import Refused
from .arithmetic import Float, Q, Whole, dequantized, product_of_pairs, quantized, requantized, sum_of_pairs
from .lowering import Lowering
from .values import Held, Operand, Pending, Real, Target, demand, in_order, program_shape

Pairs = Callable[[Whole, Whole, tuple[np.float32, ...], tuple[int, ...]], Whole]
_BOUNDED = ("Relu", "Clip")


def function(b: Lowering) -> None:
    """A function of each element, with constants if it takes any: its values for the 256 integers."""
    value = b.given(next((i for i, name in enumerate(b.node.inputs) if name in b.values), 0))
    name = b.node.outputs[0]
    if isinstance(value, Pending):
        demand(b.node.kind in _BOUNDED, "is computed of real numbers; quantize what makes them")
        low, high = _bounds(b)
        least, most = max(value.least, low), min(value.most, high)
        b.values[name] = replace(value, least=least, most=max(least, most))
        return
    if isinstance(value, Held):
        if b.node.kind in _BOUNDED and b.node.kind == "Relu":
            raise Refused(
                "is of integers whose zero point is not known; export it between DequantizeLinear and QuantizeLinear"
            )
        raise Refused("is of integers")
    b.values[name] = Real(value.held, _tabled(b, value), None, value.grid)


def _bounds(b: Lowering) -> tuple[float, float]:
    if b.node.kind == "Relu":
        return 0.0, np.inf
    return (b.number(1) if b.has(1) else -np.inf), (b.number(2) if b.has(2) else np.inf)


def _tabled(b: Lowering, value: Real) -> Float:
    """The node's results for all integers, (1 or channels, 256)."""
    node, rank = b.node, len(value.held.shape)
    values = {}
    for name in node.inputs:
        array = b.real_constant(name)
        if array is None:
            continue
        if array.size > 1:
            demand(rank > 0 and array.size == value.held.shape[0], "has a constant that is not one for each channel")
            expected = (1, array.size, *[1] * (rank - 1))
            demand((1,) * (rank + 1 - array.ndim) + array.shape == expected, "has a constant along another axis")
            ordered = np.array_equal(value.held.at, in_order(value.held.shape))
            tensor = b.tensors[value.held.tensor]
            demand(ordered and tensor.shape[0] == array.size, "has a constant for each channel of what was moved")
            array = array.reshape(-1, 1)
        values[name] = array.astype(np.float32) if array.dtype.kind == "f" else array
    given = next(name for name in node.inputs if name in b.values)
    (made,) = evaluate([node], b.file.opset, {**values, given: value.table}, node.outputs)
    return made.astype(np.float32)


def qlinear_function(b: Lowering) -> None:
    """QLinearSigmoid and QLinearLeakyRelu."""
    x = b.operand(0)
    target = Target(*b.quantization(3))
    real = dequantized(Q, x.scale, x.zero_point)
    if b.node.kind == "QLinearSigmoid":
        y = (1 / (1 + np.exp(-real.astype(np.float64)))).astype(np.float32)
    else:
        y = np.where(real >= 0, real, np.float32(b.node.get("alpha", 0.01)) * real)
    made = b.look_up(x.held, quantized(y, target.scale, target.zero_point)[None], target)
    b.values[b.node.outputs[0]] = made


def qlinear_pair(b: Lowering) -> None:
    """QLinearAdd and QLinearMul; one of the two may be constant."""
    target = Target(*b.quantization(6))
    sides = [b.operand(place) if b.node.inputs[place] in b.values else _constant(b, place) for place in (0, 3)]
    b.values[b.node.outputs[0]] = _combined(b, b.node.kind == "QLinearAdd", sides[0], sides[1], target)


def pair(b: Lowering) -> None:
    """Add, Mul, Sub and Div: of two dequantized values, or of one and a constant."""
    node, kind = b.node, b.node.kind
    sides: list[Operand | tuple[Whole, np.float32, int] | None] = []
    for place in (0, 1):
        value = b.values.get(node.inputs[place])
        found = b.dequantized.get(node.inputs[place])
        if isinstance(value, Real) and value.of is not None:
            sides.append(value.of)
        elif value is None and found is not None and found[1].size == 1 and kind in ("Add", "Mul"):
            zero = found[2] if found[2] is not None else np.zeros((), found[0].dtype)
            shift = 128 if found[0].dtype == np.uint8 else 0
            sides.append((found[0].astype(np.int64) - shift, np.float32(found[1].reshape(())), int(zero) - shift))
        else:
            sides.append(None)
    left, right = sides
    if left is None or right is None or kind not in ("Add", "Mul"):
        if isinstance(b.values.get(node.inputs[0]), Pending) and kind == "Add" and b.has(1):
            _biased(b)
            return
        if all(name in b.values for name in node.inputs):
            _same_source(b)
            return
        function(b)
        return
    shape = np.broadcast_shapes(*(s.held.shape if isinstance(s, Operand) else _without_batch(s[0]).shape for s in sides
                                  if s is not None))  # fmt: skip
    one, other = left, right

    def finish(target: Target) -> Held:
        b.node = node
        return _combined(b, kind == "Add", one, other, target)

    b.values[node.outputs[0]] = Pending(finish, shape)


def _biased(b: Lowering) -> None:
    raise Refused("adds to a result that is not quantized; quantize what makes it")


def _same_source(b: Lowering) -> None:
    """Two functions of one value: a function."""
    a, c = (b.values[name] for name in b.node.inputs)
    if not (isinstance(a, Real) and isinstance(c, Real)) or a.held.tensor != c.held.tensor:
        raise Refused("computes with real numbers; quantize what makes its inputs")
    demand(np.array_equal(a.held.at, c.held.at), "combines elements of other places")
    values = {b.node.inputs[0]: a.table, b.node.inputs[1]: c.table}
    (made,) = evaluate([b.node], b.file.opset, values, b.node.outputs)
    b.values[b.node.outputs[0]] = Real(a.held, made.astype(np.float32))


def _constant(b: Lowering, place: int) -> tuple[Whole, np.float32, int]:
    scale, zero_point, unsigned = b.quantization(place + 1)
    return b.constant(place).astype(np.int64) - (128 if unsigned else 0), scale, zero_point


def _without_batch(array: Whole) -> Whole:
    return array[0] if array.ndim and array.shape[0] == 1 else array


def _combined(
    b: Lowering,
    is_sum: bool,
    left: Operand | tuple[Whole, np.float32, int],
    right: Operand | tuple[Whole, np.float32, int],
    target: Target,
) -> Held:
    pairs: Pairs = sum_of_pairs if is_sum else product_of_pairs
    params = [(s.scale, s.zero_point) if isinstance(s, Operand) else s[1:] for s in (left, right)]
    scales = params[0][0], params[1][0], target.scale
    zeros = params[0][1], params[1][1], target.zero_point
    if not isinstance(left, Operand) or not isinstance(right, Operand):
        return _with_constant(b, pairs, left, right, scales, zeros, target)
    bases = [b.base(side.held) for side in (left, right)]
    if bases[0][0] == bases[1][0] and np.array_equal(left.held.at, right.held.at):
        codes = pairs(bases[0][1], bases[1][1], scales, zeros)
        return b.look_up(Held(bases[0][0], left.held.at, target.unsigned), codes[None], target)
    return _sum(b, left, right, scales, zeros, target) if is_sum else _product(b, left, right, scales, zeros, target)


def _with_constant(
    b: Lowering,
    pairs: Pairs,
    left: Operand | tuple[Whole, np.float32, int],
    right: Operand | tuple[Whole, np.float32, int],
    scales: tuple[np.float32, ...],
    zeros: tuple[int, ...],
    target: Target,
) -> Held:
    first = isinstance(left, Operand)
    x, constant = (left, right) if first else (right, left)
    if not isinstance(x, Operand) or isinstance(constant, Operand):
        raise Refused("both of its inputs are constant")
    numbers, shape = constant[0], x.held.shape
    if numbers.size > 1:
        wide = (1,) * (len(shape) + 1 - numbers.ndim) + numbers.shape
        tensor = b.ordered(x.held)
        fits = wide == (1, tensor.shape[0], *[1] * (len(shape) - 1)) and shape == tensor.shape[: len(shape)]
        demand(fits, f"its constant of {list(numbers.shape)} is not one for each channel")
        x = replace(x, held=Held(tensor.name, in_order(shape), x.held.unsigned))
    column = numbers.reshape(-1, 1)
    p, q = (Q[None], column) if first else (column, Q[None])
    return b.look_up(x.held, pairs(p, q, scales, zeros), target)


def _sum(
    b: Lowering, left: Operand, right: Operand, scales: tuple[np.float32, ...], zeros: tuple[int, ...], target: Target
) -> Held:
    held, tensors = _alike(b, left.held, right.held)
    low, high = target.limits
    outputs = np.clip(sum_of_pairs(Q[:, None], Q[None], scales, zeros), low, high)
    slopes = float(scales[0] / scales[2]), float(scales[1] / scales[2])
    made = sum_of(outputs, slopes, low=low, high=high, name=b.node.name)
    how = Requantize(np.ones(1, np.int32), np.array([made.offset], np.int32), 0, made.shift, low, high)
    name = b.name()
    operator = Add(name, (tensors[0].name, tensors[1].name), name, made.multipliers, how)
    b.append(operator, tensors[0].shape, (low, high), target)
    b.tell(name, made.worst)
    return Held(name, held, target.unsigned)


def _product(
    b: Lowering, left: Operand, right: Operand, scales: tuple[np.float32, ...], zeros: tuple[int, ...], target: Target
) -> Held:
    x, g = (left, right) if prod(left.held.shape) >= prod(right.held.shape) else (right, left)
    shape, rank = x.held.shape, len(x.held.shape)
    small = (1,) * (rank - len(g.held.shape)) + g.held.shape
    demand(np.broadcast_shapes(shape, small) == shape, f"multiplies {list(shape)} by {list(g.held.shape)}")
    held, tensors = x.held.at, [b.tensors[side.held.tensor] for side in (x, g)]
    alike = small == shape and tensors[0].shape == tensors[1].shape and np.array_equal(x.held.at, g.held.at)
    if not alike or prod(shape) != prod(tensors[0].shape) or any(t.dtype != "int8" for t in tensors):
        tensors = [b.ordered(x.held), b.ordered(g.held.moved(g.held.at.reshape(small)))]
        held = in_order(shape)
    low, high = target.limits
    corners = [p * q for p in _ends(tensors[0], x.zero_point) for q in _ends(tensors[1], g.zero_point)]
    found = Range(np.array([min(corners)]), np.array([max(corners)]))
    scale = np.array([scales[0] * scales[1] / scales[2]], np.float32)
    step = requantized(scale, target.zero_point, low, high)
    made = rounding_of(step, found, scale.astype(np.float64), low=low, high=high, name=b.node.name)
    name = b.name()
    b.append(Gate(name, (tensors[0].name, tensors[1].name), name, made.how), tensors[0].shape, (low, high), target)
    b.tell(name, int(made.worst.max()))
    return Held(name, held, target.unsigned)


def _ends(tensor: Tensor, zero_point: int) -> tuple[int, int]:
    demand(tensor.zero_point == zero_point, "reads one value with two zero points")
    return tensor.low - zero_point, tensor.high - zero_point


def _alike(b: Lowering, left: Held, right: Held) -> tuple[np.ndarray, list[Tensor]]:
    """Two values, one repeated where it must be, as tensors of one shape; and where their elements lie."""
    tensors = [b.tensors[held.tensor] for held in (left, right)]
    same = left.shape == right.shape and tensors[0].shape == tensors[1].shape and np.array_equal(left.at, right.at)
    if same and prod(left.shape) == prod(tensors[0].shape) and all(t.dtype == "int8" for t in tensors):
        return left.at, tensors
    try:
        shape = np.broadcast_shapes(left.shape, right.shape)
    except ValueError:
        raise Refused(f"combines {list(left.shape)} with {list(right.shape)}") from None
    return in_order(shape), [b.ordered(held.moved(np.broadcast_to(held.at, shape))) for held in (left, right)]


def extreme(b: Lowering) -> None:
    """Max and Min: of two values of one scale, or with a constant."""
    if sum(name in b.values for name in b.node.inputs) == 1:
        function(b)
        return
    node = b.node
    if len(node.inputs) != 2:
        raise Refused("is of more than two values")
    left, right = b.operand(0), b.operand(1)
    demand((left.scale, left.zero_point) == (right.scale, right.zero_point), "compares values of several scales")
    at, tensors = _alike(b, left.held, right.held)
    name = b.name()
    target = Target(left.scale, left.zero_point, left.held.unsigned)
    largest = node.kind == "Max"
    pick = max if largest else min
    span = pick(tensors[0].low, tensors[1].low), pick(tensors[0].high, tensors[1].high)
    b.append(Extreme(name, (tensors[0].name, tensors[1].name), name, largest), tensors[0].shape, span, target)
    b.tell(name)
    made = Operand(Held(name, at, target.unsigned), left.scale, left.zero_point)
    b.values[node.outputs[0]] = b.real(made)


def qlinear_concat(b: Lowering) -> None:
    """QLinearConcat: scale and zero point of the output, then each input with its own."""
    parts = [b.operand(place) for place in range(2, len(b.node.inputs), 3)]
    b.values[b.node.outputs[0]] = _joined(b, parts, Target(*b.quantization(0)))


def concat(b: Lowering) -> None:
    """Concat of dequantized values."""
    node, parts = b.node, [b.operand(place) for place in range(len(b.node.inputs))]
    ranks = {len(part.held.shape) for part in parts}
    demand(len(ranks) == 1, "joins values of several ranks")
    axis = _axis(b, ranks.pop())
    shape = list(parts[0].held.shape)
    shape[axis] = sum(part.held.shape[axis] for part in parts)

    def finish(target: Target) -> Held:
        b.node = node
        return _joined(b, parts, target)

    b.values[node.outputs[0]] = Pending(finish, tuple(shape))


def _axis(b: Lowering, rank: int) -> int:
    axis = int(b.node.get("axis", 1))
    axis = axis + rank + 1 if axis < 0 else axis
    demand(1 <= axis <= rank, "joins along the batch")
    return axis - 1


def _joined(b: Lowering, parts: list[Operand], target: Target) -> Held:
    axis = _axis(b, len(parts[0].held.shape))
    rest = {(part.held.shape[:axis], part.held.shape[axis + 1 :]) for part in parts}
    demand(len(rest) == 1, "joins maps of several sizes")
    # What is joined along another axis has that axis first here, and is moved back by its places.
    turned = [np.moveaxis(part.held.at, axis, 0) for part in parts]
    tensors = [b.ordered(part.held.moved(at)) for part, at in zip(parts, turned, strict=True)]
    low, high = target.limits
    hows, worst = [], 0
    for part, tensor in zip(parts, tensors, strict=True):

        def step(acc: Whole, part: Operand = part) -> Whole:
            y = quantized(dequantized(acc, part.scale, part.zero_point), target.scale, target.zero_point)
            return np.clip(acc if _same(part, target) else y, low, high)

        found = Range(np.array([tensor.low]), np.array([tensor.high]))
        slope = np.array([float(part.scale) / float(target.scale)])
        made = rounding_of(step, found, slope, low=low, high=high, name=b.node.name)
        hows.append(made.how)
        worst = max(worst, int(made.worst.max()))
    name = b.name()
    count = sum(at.shape[0] for at in turned)
    shape = (count, *turned[0].shape[1:])
    at = np.moveaxis(in_order(shape), 0, axis)
    operator = Concatenate(name, tuple(t.name for t in tensors), name, tuple(hows))
    held_in = (sum(t.shape[0] for t in tensors), *tensors[0].shape[1:])
    demand(held_in == program_shape(shape), "joins what is no map")
    b.append(operator, held_in, (low, high), target)
    b.tell(name, worst)
    return Held(name, at, target.unsigned)


def _same(part: Operand, target: Target) -> bool:
    return (part.scale, part.zero_point) == (target.scale, target.zero_point)
