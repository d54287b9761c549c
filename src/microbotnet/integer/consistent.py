"""Whether a program's operators, arrays and tensors fit one another: what an engine may rely on without looking."""

import numpy as np

from ..errors import BadInput
from .program import (
    LIMITS,
    Add,
    Concatenate,
    Convolve,
    Gate,
    Lookup,
    MaxPool,
    Operator,
    Pair,
    Program,
    Requantize,
    Shape,
    SumPool,
    Tensor,
)

_LARGEST = 2**16  # of a side or a number of channels


class _Contradiction(Exception):
    """What does not fit."""


def check_consistent(program: Program) -> None:
    """Look at every name, shape, dtype and stated range.

    Raises:
        BadInput: something contradicts something else; it names the operator or tensor.
    """
    place = "the program"
    try:
        for name, tensor in program.tensors.items():
            place = f"tensor {name}"
            _check_tensor(name, tensor)
        place = "the program"
        _demand(program.input in program.tensors, "its input is not one of its tensors")
        _demand(program.tensors[program.input].dtype == "uint8", "its input must be uint8")
        made = {program.input}
        for operator in program.operators:
            place = f"operator {operator.name}"
            _demand(all(name in made for name in operator.inputs), "reads what has not been made")
            _demand(operator.output in program.tensors, "makes what is not one of the program's tensors")
            _demand(operator.output not in made, "makes what is there already")
            made.add(operator.output)
            inputs, output = program.of(operator)
            scores = operator.output == program.output
            _demand(output.dtype == ("int16" if scores else "int8"), f"makes {output.dtype}")
            _demand(all(x.dtype == "int8" for x in inputs) or isinstance(operator, Lookup), "reads what is not int8")
            _demand(all(x.dtype != "int16" for x in inputs), "reads the scores")
            shape, low, high = _made(operator, inputs, output)
            _demand(shape == output.shape, f"makes {shape}, not {output.shape}")
            _demand(output.low <= low and high <= output.high, f"makes {low}…{high}, outside its output's range")
        place = "the program"
        _demand(made == set(program.tensors), "some tensor is made by no operator")
        _demand(program.output in made and bool(program.operators), "its output is made by no operator")
        classes, *size = program.tensors[program.output].shape
        _demand(size == [1, 1], "its output is no list of scores")
        _demand(len(program.labels) in (0, classes), f"{len(program.labels)} labels for {classes} classes")
    except _Contradiction as error:
        raise BadInput(f"{place}: {error}") from None


def _check_tensor(name: str, tensor: Tensor) -> None:
    _demand(tensor.name == name, f"is called {tensor.name}")
    _demand(tensor.dtype in LIMITS, f"has dtype {tensor.dtype}")
    _demand(len(tensor.shape) == 3 and all(1 <= n <= _LARGEST for n in tensor.shape), f"has shape {tensor.shape}")
    least, most = LIMITS[tensor.dtype]
    _demand(least <= tensor.low <= tensor.high <= most, f"has the range {tensor.low}…{tensor.high}")
    _demand(least <= tensor.zero_point <= most, f"has the zero point {tensor.zero_point}")
    _demand(0 < tensor.scale < float("inf"), f"has the scale {tensor.scale}")


def _made(operator: Operator, inputs: tuple[Tensor, ...], output: Tensor) -> tuple[Shape, int, int]:
    """Shape of what the operator makes, its least and largest possible element."""
    x = inputs[0]
    match operator:
        case Lookup(tables=tables):
            _array(tables, np.int8, ((1, 256), (x.shape[0], 256)))
            lowest = LIMITS[x.dtype][0]
            reached = tables[:, x.low - lowest : x.high - lowest + 1]
            return x.shape, int(reached.min()), int(reached.max())
        case Convolve():
            return (*_convolved(operator, x), *_rounded(operator.requantize, output))
        case SumPool(kernel=kernel, stride=stride):
            return (*_pooled(x, kernel, stride), *_rounded(operator.requantize, output))
        case MaxPool(kernel=kernel, stride=stride, padding=padding):
            _demand(min(*kernel, *stride) >= 1, "has an empty window or stride")
            _demand(all(0 <= 2 * p <= k for p, k in zip(padding, kernel, strict=True)), "pads by over half its window")
            places = []  # as many as begin on the map; fewer do, too
            for n, k, s, p, count in zip(x.shape[1:], kernel, stride, padding, output.shape[1:], strict=True):
                full = (n + 2 * p - k) // s + 1
                _demand(full <= count <= full + 1 and (count - 1) * s < n + p, f"has no {count} windows along {n}")
                places.append(count)
            return (x.shape[0], places[0], places[1]), x.low, x.high
        case Add(multipliers=multipliers):
            _demand(x.shape == inputs[1].shape, "adds two shapes")
            how = operator.requantize
            _demand(how.pre_shift == 0 and bool((how.multiplier == 1).all()), "has a multiplier or pre_shift")
            _demand(max(map(abs, multipliers)) < 2**31, "has multipliers too long")
            return (x.shape, *_rounded(how, output))
        case Gate():
            _demand(inputs[1].shape == (x.shape[0], 1, 1), f"multiplies {x.shape} by {inputs[1].shape}")
            return (x.shape, *_rounded(operator.requantize, output))
        case Concatenate(requantize=hows):
            _demand(len(hows) == len(inputs) > 0, "has not one rounding for each input")
            _demand(len({part.shape[1:] for part in inputs}) == 1, "joins maps of several sizes")
            for how, part in zip(hows, inputs, strict=True):
                _rounded(how, part)
            shape = (sum(part.shape[0] for part in inputs), *x.shape[1:])
            spans = [_span(how) for how in hows]
            return shape, min(low for low, _ in spans), max(high for _, high in spans)


def _convolved(operator: Convolve, x: Tensor) -> tuple[Shape]:
    weights, groups = operator.weights, operator.groups
    _demand(weights.ndim == 4 and weights.size > 0 and weights.dtype == np.int8, "its weights are no int8 kernel")
    outputs, depth, *kernel = weights.shape
    _demand(
        groups >= 1 and outputs % groups == 0 and depth * groups == x.shape[0], "its groups do not fit its channels"
    )
    _demand(operator.bits in (1, 2, 8), f"has weights of {operator.bits} bits")
    size = np.abs(weights.astype(np.int16))
    limit = 127 if operator.bits == 8 else 1
    _demand(
        size.max() <= limit and (operator.bits > 1 or size.min() == 1), f"its weights are not of {operator.bits} bits"
    )
    _demand(min(operator.padding) >= 0, "has a negative padding")
    return ((outputs, *_slid(x, (kernel[0], kernel[1]), operator.stride, operator.padding)),)


def _pooled(x: Tensor, kernel: Pair, stride: Pair) -> tuple[Shape]:
    return ((x.shape[0], *_slid(x, kernel, stride, (0, 0))),)


def _slid(x: Tensor, kernel: Pair, stride: Pair, padding: Pair) -> Pair:
    _demand(min(*kernel, *stride) >= 1, "has an empty window or stride")
    rows, columns = ((n + 2 * p - k) // s + 1 for n, k, s, p in zip(x.shape[1:], kernel, stride, padding, strict=True))
    _demand(min(rows, columns) >= 1, "its window is larger than the map")
    return rows, columns


def _rounded(how: Requantize, channels: Tensor) -> Pair:
    """The span of `how`'s results, one multiplier for all or for each of the tensor's channels."""
    shapes = ((1,), (channels.shape[0],))
    _array(how.multiplier, np.int32, shapes)
    _array(how.offset, np.int32, shapes)
    _demand(how.multiplier.shape == how.offset.shape, "has not one offset for each multiplier")
    if how.table is not None:
        _array(how.table, np.int8, ((256,),))
        _demand(how.low >= -128 and how.high <= 127, "looks up beyond its table")
    _demand(how.low <= how.high, f"clamps to {how.low}…{how.high}")
    return _span(how)


def _span(how: Requantize) -> Pair:
    if how.table is None:
        return how.low, how.high
    reached = how.table[how.low + 128 : how.high + 129]
    return int(reached.min()), int(reached.max())


def _array(values: object, dtype: type, shapes: tuple[tuple[int, ...], ...]) -> None:
    _demand(
        isinstance(values, np.ndarray) and values.dtype == dtype and values.shape in shapes,
        f"has an array of {getattr(values, 'shape', values)}; {' or '.join(map(str, dict.fromkeys(shapes)))} "
        f"{dtype.__name__} is expected",
    )


def _demand(holds: bool | np.bool_, otherwise: str) -> None:
    if not holds:
        raise _Contradiction(otherwise)
