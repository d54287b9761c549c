"""From a network of PyTorch whose activations are quantized to the integer program that computes the same."""

from collections.abc import Sequence
from dataclasses import replace
from math import inf, prod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ..data.augment import Batches
from ..errors import BadInput
from ..graph.graph import Node
from ..graph.trace import Call, trace_calls
from ..quant.activations import NAME, ActivationQuantizers
from ..quant.stages import CONVOLUTIONS, SCORE_BITS, Stage, cut, is_function
from . import ranges
from .fixed import COARSE, fixed_point, tolerance_of
from .kernels import encode
from .operators import Add, Concatenate, Convolve, Gate, Lookup, MaxPool, Operator, SumPool
from .program import LIMITS, Pair, Program, Requantize, Shape, Tensor

Real = NDArray[np.float64]
PICTURE = "picture"
_IDENTITY = Requantize(np.ones(1, np.int32), np.zeros(1, np.int32), 0, 0, -128, 127)
_STEP = 2**19  # about the largest multiplier of an addition's input


def lower(
    model: nn.Module,
    mean: Sequence[float],
    std: Sequence[float],
    *,
    input_shape: Sequence[int] = (3, 32, 32),
    labels: Sequence[str] = (),
    source: dict[str, str] | None = None,
) -> Program:
    """The integer program of `model`, proven to need no more than 32 bits.

    Batch norms of running statistics fold into the multipliers and offsets of the layer before; kernels of
    {−1, 0, +1} times a scale are recognised from their values, all others are rounded to 8 bits for each output
    channel. Each operator's output differs from the rounded network's, on the same inputs, by at most one unit.

    Args:
        model: with `quant.activations.quantize_activations`, its ranges trained or calibrated.
        mean, std: of each channel of the pictures, on the scale 0…1.
        input_shape: of one picture: channels, height, width.
        labels: the classes' names. source: where the network came from, for people.

    Raises:
        BadInput: the activations are not quantized; an operator that has no integer form (it is named, with its
            place in the network's code).
    """
    quantizers = getattr(model, NAME, None)
    if not isinstance(quantizers, ActivationQuantizers):
        raise BadInput("the network's activations are not quantized; see quantize_activations and calibrate")
    program = _Lowering(model, quantizers, tuple(input_shape)).run(mean, std)
    if labels and len(labels) != program.result.shape[0]:
        count = program.result.shape[0]
        raise BadInput(f"{len(labels)} labels for a network with {count} outputs")
    program = replace(program, labels=tuple(labels), source=dict(source or {}))
    ranges.check(program)
    return program


class _Refused(Exception):
    """Why an operator, the head of a stage unless it is named, has no integer form."""

    def __init__(self, reason: str, node: Node | None = None) -> None:
        super().__init__(reason)
        self.node = node


class _Lowering:
    """Grows a program, a stage at a time."""

    def __init__(self, model: nn.Module, quantizers: ActivationQuantizers, shape: tuple[int, ...]) -> None:
        self.quantizers = quantizers
        self.graph, calls = trace_calls(model, shape)
        self.calls = calls.behind
        self.stages = cut(self.graph, quantizers.point_bits)
        self.bits = {name: point.bits for name, point in self.stages.points.items()}
        self.scales = {name: quantizers.at(name).scale_and_zero_point() for name in self.stages.points}
        self.tensors: dict[str, Tensor] = {}
        self.operators: list[Operator] = []

    def run(self, mean: Sequence[float], std: Sequence[float]) -> Program:
        """The whole program."""
        for stage in self.stages.stages:
            try:
                if stage.head.kind == "input":
                    self._picture(stage, mean, std)
                else:
                    self._stage(stage)
            except _Refused as reason:
                raise BadInput(_place(reason.node or stage.head, str(reason))) from None
        return Program(self.tensors, tuple(self.operators), PICTURE, (self._scores(),))

    def _scores(self) -> str:
        if len(self.graph.outputs) != 1:
            raise BadInput(f"the network has {len(self.graph.outputs)} outputs; an integer program has one, the scores")
        name = self.stages.behind[self.graph.outputs[0]]
        scores = self.tensors[name]
        if scores.shape[1:] != (1, 1):
            node = self.graph[name]
            raise BadInput(_place(node, f"its output of {_times(scores.shape)} is no list of scores"))
        if scores.dtype == "int16":
            return name
        channels, wide = scores.shape[0], f"{name}.scores"
        how = replace(_IDENTITY, low=LIMITS["int16"][0], high=LIMITS["int16"][1])
        ones = np.ones((channels, 1, 1, 1), np.int8)
        self.operators.append(Convolve(wide, name, wide, ones, 1, (1, 1), (0, 0), channels, how))
        self.tensors[wide] = replace(scores, name=wide, dtype="int16")
        return wide

    def _picture(self, stage: Stage, mean: Sequence[float], std: Sequence[float]) -> None:
        channels, *size = stage.head.shape
        if len(size) != 2 or len(mean) != channels or len(std) != channels:
            raise _Refused(f"takes {_times(stage.head.shape)}, not pictures of {len(mean)} channels")
        tables = self._quantized(stage, stage.functions, _normalised(mean, std))
        self.tensors[PICTURE] = Tensor(PICTURE, (channels, size[0], size[1]), "uint8", 1 / 255, 0, 0, 255)
        self.operators.append(Lookup(stage.head.name, PICTURE, stage.name, tables))
        self._hold(stage, (channels, size[0], size[1]), int(tables.min()), int(tables.max()))

    def _stage(self, stage: Stage) -> None:
        head = stage.head
        inputs = [self.tensors[name] for name in stage.inputs]
        if not head.known:
            raise _Refused("this operator is not known")
        if is_function(head):
            self._lookup(stage, inputs[0])
        elif head.kind in CONVOLUTIONS:
            self._convolve(stage, inputs[0])
        elif head.kind == "avg_pool":
            self._sum_pool(stage, inputs[0])
        elif head.kind == "max_pool":
            self._max_pool(stage, inputs[0])
        elif head.kind in ("add", "sub") and len(inputs) == 2:
            self._add(stage, inputs[0], inputs[1])
        elif head.kind == "mul" and len(inputs) == 2:
            self._gate(stage, inputs)
        elif head.kind == "concat":
            self._concatenate(stage, inputs)
        else:
            raise _Refused("this operator has no integer form")

    def _lookup(self, stage: Stage, x: Tensor) -> None:
        lowest = LIMITS[x.dtype][0]
        real = (torch.arange(lowest, lowest + 256)[None] - x.zero_point).float() * x.scale
        tables = self._quantized(stage, (stage.head, *stage.functions), real)
        self.operators.append(Lookup(stage.head.name, x.name, stage.name, tables))
        reached = tables[:, x.low - lowest : x.high - lowest + 1]
        self._hold(stage, x.shape, int(reached.min()), int(reached.max()))

    def _convolve(self, stage: Stage, x: Tensor) -> None:
        head = stage.head
        weight, bias, stride, padding, groups = self._kernel(head, x)
        kernel = encode(weight)
        outputs, _, rows, columns = weight.shape
        size = [
            (n + 2 * p - k) // s + 1 for n, p, k, s in zip(x.shape[1:], padding, (rows, columns), stride, strict=True)
        ]
        self._expect(head, (outputs, size[0], size[1]))
        factor, constant = np.ones(outputs), bias
        for norm in ((head,) if head.kind == "batch_norm" else ()) + stage.norms:
            a, b = _batch_norm(norm, self.calls[norm.name])
            factor, constant = factor * a, constant * a + b
        operator = Convolve(
            head.name, x.name, stage.name, kernel.codes, kernel.bits, stride, padding, groups, _IDENTITY
        )
        sums = kernel.codes.reshape(outputs, -1).sum(1, dtype=np.int64)
        self._finish(
            stage, operator, (outputs, size[0], size[1]), factor * kernel.scale * x.scale, sums * x.zero_point, constant
        )

    def _kernel(self, head: Node, x: Tensor) -> tuple[Real, Real, Pair, Pair, int]:
        """Weight (outputs, inputs / groups, rows, columns), bias, stride, padding and groups."""
        call = self.calls[head.name]
        seen = self.graph[head.inputs[0]].shape
        if head.kind == "batch_norm":
            if seen[0] != x.shape[0]:
                raise _Refused(f"normalises each of {seen[0]} values of a flattened map; put it before the flatten")
            return np.ones((x.shape[0], 1, 1, 1)), np.zeros(x.shape[0]), (1, 1), (0, 0), x.shape[0]
        if head.kind == "linear":
            weight, bias = _linear(call)
            if len(head.shape) != 1 or weight.shape[1] != prod(x.shape):
                raise _Refused(f"is applied along an axis of {_times(seen)}, not to all values of a picture")
            return weight.reshape(len(weight), *x.shape), bias, (1, 1), (0, 0), 1
        if len(head.kernel) != 2 or seen != x.shape:
            raise _Refused(f"reads {_times(seen)}; only convolutions of maps (channels, height, width) are lowered")
        weight = _dilated(_real(call.named["weight"]), head.dilation)
        bias = np.zeros(len(weight)) if call.named["bias"] is None else _real(call.named["bias"])
        return weight, bias, _pair(head.stride), _pair(head.padding), head.groups

    def _sum_pool(self, stage: Stage, x: Tensor) -> None:
        head = stage.head
        kernel, stride = self._window(head, x)
        size = [(n - k) // s + 1 for n, k, s in zip(x.shape[1:], kernel, stride, strict=True)]
        shape = (x.shape[0], size[0], size[1])
        if any(head.padding) or self.calls[head.name].named.get("divisor_override") is not None:
            raise _Refused("padding or another divisor is not lowered")
        self._expect(head, shape)
        count = prod(kernel)
        operator = SumPool(head.name, x.name, stage.name, kernel, stride, _IDENTITY)
        self._finish(stage, operator, shape, np.array([x.scale / count]), np.array([count * x.zero_point]), np.zeros(1))

    def _max_pool(self, stage: Stage, x: Tensor) -> None:
        head = stage.head
        kernel, stride = self._window(head, x)
        if set(_list(self.calls[head.name].named.get("dilation", 1))) != {1}:
            raise _Refused("a dilated pool is not lowered")
        operator = MaxPool(head.name, x.name, stage.name, kernel, stride, _pair(head.padding))
        self.operators.append(operator)
        shape = (x.shape[0], head.shape[1], head.shape[2])
        self.tensors[stage.name] = replace(x, name=stage.name, shape=shape)

    def _window(self, head: Node, x: Tensor) -> tuple[Pair, Pair]:
        if len(head.kernel) != 2 or self.graph[head.inputs[0]].shape != x.shape:
            raise _Refused("only pools of maps (channels, height, width) are lowered")
        adaptive = "kernel_size" not in self.calls[head.name].named
        after = head.shape[1:] or (1, 1)
        if adaptive and any(n != k * m for n, k, m in zip(x.shape[1:], head.kernel, after, strict=True)):
            raise _Refused(f"adaptive windows over {_times(x.shape[1:])} would not all have one size")
        return _pair(head.kernel), _pair(head.stride)

    def _add(self, stage: Stage, a: Tensor, b: Tensor) -> None:
        head = stage.head
        seen = [self.graph[name].shape for name in head.inputs]
        if a.shape != b.shape or seen[0] != seen[1]:
            raise _Refused(f"of {_times(seen[0])} and {_times(seen[1])}: only equal shapes are added")
        alpha = float(self.calls[head.name].named.get("alpha", 1)) * (-1 if head.kind == "sub" else 1)
        scale, zero_point, low, high, table = self._rounding(stage)
        real = a.scale / scale, alpha * b.scale / scale
        shift = int(np.clip(np.floor(np.log2(_STEP / max(abs(r) for r in real))), 0, 30))
        while True:
            m = tuple(round(r * 2**shift) for r in real)
            offset = int(np.floor((zero_point + 0.5) * 2**shift)) - m[0] * a.zero_point - m[1] * b.zero_point
            how = Requantize(np.ones(1, np.int32), np.array([0], np.int32), 0, shift, low, high, table)
            operator = Add(head.name, (a.name, b.name), stage.name, (m[0], m[1]), how)
            (found,) = self._sums(operator, a)
            if abs(offset) + max(int(found.high.max()), -int(found.low.min())) < ranges.WORD[1]:
                break
            shift -= 1
            if shift < 0:
                raise _Refused("its inputs' scales are too far from its output's")
        self.operators.append(replace(operator, requantize=replace(how, offset=np.array([offset], np.int32))))
        self._hold(stage, a.shape, *_span(low, high, table))

    def _gate(self, stage: Stage, inputs: list[Tensor]) -> None:
        head = stage.head
        x, g = inputs if prod(inputs[0].shape) >= prod(inputs[1].shape) else inputs[::-1]
        if g.shape != (x.shape[0], 1, 1):
            raise _Refused(f"of {_times(x.shape)} and {_times(g.shape)}: only one factor for each channel is lowered")
        operator = Gate(head.name, (x.name, g.name), stage.name, _IDENTITY)
        self._finish(stage, operator, x.shape, np.array([x.scale * g.scale]), np.zeros(1), np.zeros(1))

    def _concatenate(self, stage: Stage, inputs: list[Tensor]) -> None:
        head = stage.head
        shape = (sum(x.shape[0] for x in inputs), *inputs[0].shape[1:])
        if any(x.shape[1:] != inputs[0].shape[1:] for x in inputs) or len(inputs) != len(head.inputs):
            raise _Refused("joins maps of several sizes")
        self._expect(head, shape)
        scale, zero_point, low, high, _ = self._rounding(stage)
        hows = []
        for x in inputs:
            if (x.scale, x.zero_point) == (scale, zero_point):
                hows.append(replace(_IDENTITY, low=low, high=high))
                continue
            found = ranges.Range(np.array([x.low]), np.array([x.high]))
            factor, centre, bias = np.array([x.scale / scale]), np.array([x.zero_point]), np.array([zero_point])
            how = fixed_point(found, factor, centre, bias, low=low, high=high, tolerance=COARSE, name=head.name)
            hows.append(how)
        names = tuple(x.name for x in inputs)
        self.operators.append(Concatenate(head.name, names, stage.name, tuple(hows)))
        self._hold(stage, shape, low, high)

    def _finish(
        self,
        stage: Stage,
        operator: Convolve | SumPool | Gate,
        shape: Shape,
        factor: Real,
        centre: Real,
        constant: Real,
    ) -> None:
        """Give `operator` the rounding of real = factor·(acc − centre) + constant."""
        (found,) = self._sums(operator, Tensor("", shape, "int8", 1.0, 0, 0, 0))
        if stage.functions and stage.functions[0].kind == "sign":
            how = self._sign(stage, factor, np.broadcast_to(centre, factor.shape), constant)
        else:
            scale, zero_point, low, high, table = self._rounding(stage)
            bias = constant / scale + zero_point
            how = fixed_point(
                found,
                factor / scale,
                centre,
                bias,
                low=low,
                high=high,
                table=table,
                tolerance=tolerance_of(operator, scores=high > LIMITS["int8"][1]),
                name=stage.head.name,
            )
        self.operators.append(replace(operator, requantize=how))
        self._hold(stage, shape, *_span(how.low, how.high, how.table))

    def _sums(self, operator: Operator, like: Tensor) -> tuple[ranges.Range, ...]:
        tensors = self.tensors | {operator.output: replace(like, name=operator.output)}
        return ranges.sums(Program(tensors, (), "", ()), operator)

    def _sign(self, stage: Stage, factor: Real, centre: Real, constant: Real) -> Requantize:
        """Compare each sum with its threshold: the index −1 is below 0, the index 0 is not."""
        if stage.clamps:
            raise _Refused("a clamp before a sign is not lowered")
        if self.calls[stage.functions[0].name].func.overloadpacket.__name__ == "sign":
            raise _Refused("sign(0) = 0 would be a third value; use copysign or where(x >= 0, 1, -1)")
        threshold = centre - constant / np.where(factor == 0, 1, factor)
        offset = np.where(factor > 0, -np.ceil(threshold), np.floor(threshold))
        offset = np.clip(np.where(factor == 0, np.where(constant >= 0, 0, -1), offset), -(2**30), 2**30)
        values = torch.where(torch.arange(-128, 128) >= 0, 1.0, -1.0)[None]
        table = self._quantized(stage, stage.functions[1:], values)[0]
        return Requantize(np.sign(factor).astype(np.int32), offset.astype(np.int32), 0, 0, -1, 0, table)

    def _rounding(self, stage: Stage) -> tuple[float, int, int, int, NDArray[np.int8] | None]:
        """Scale, zero point, lowest and highest of the integers the stage's sum is rounded to, and its table."""
        at = stage.index.name if stage.index else self.stages.held[stage.name]
        assert at is not None
        scale, zero_point = self.scales[at]
        least, most = _limits(self.bits[at])
        low, high = -inf, inf
        for node in stage.clamps:
            floor, ceiling = _bounds(node, self.calls[node.name])
            low, high = (min(max(end, floor), ceiling) for end in (low, high))
        low, high = (float(np.clip(np.rint(end / scale) + zero_point, least, most)) for end in (low, high))
        if stage.index is None:
            return scale, zero_point, int(low), int(high), None
        real = (torch.arange(-128, 128)[None] - zero_point).float() * scale
        return scale, zero_point, int(low), int(high), self._quantized(stage, stage.functions, real)[0]

    def _quantized(self, stage: Stage, functions: Sequence[Node], real: torch.Tensor) -> NDArray[np.int8]:
        """`functions` of (channels, 256) real numbers, as integers of the stage's output."""
        y = real
        for node in functions:
            if node.kind == "sign":
                y = torch.where(y >= 0, 1.0, -1.0)
                continue
            try:
                y = self.calls[node.name](y.clone())
            except (RuntimeError, TypeError, NotImplementedError) as error:
                raise _Refused(f"is no function of one value: {error}", node) from None
            if y.shape != real.shape or y.is_meta:
                raise _Refused("is no function of one value", node)
        if y.isnan().any():
            raise _Refused("has no value for some inputs", stage.nodes[-1])
        held = self.stages.held[stage.name]
        scale, zero_point, _ = self._held(stage)
        with torch.no_grad():
            rounded = y if held is None else self.quantizers.at(held)(y)
        codes: NDArray[np.int8] = (rounded.double() / scale + zero_point).round().numpy().astype(np.int8)
        return codes

    def _held(self, stage: Stage) -> tuple[float, int, int]:
        """Scale, zero point and bits of the stage's output; a sign is −1 or +1."""
        name = self.stages.held[stage.name]
        return (1.0, 0, 2) if name is None else (*self.scales[name], self.bits[name])

    def _hold(self, stage: Stage, shape: Shape, low: int, high: int) -> None:
        scale, zero_point, bits = self._held(stage)
        dtype = "int16" if bits == SCORE_BITS else "int8"
        self.tensors[stage.name] = Tensor(stage.name, shape, dtype, scale, zero_point, low, high)

    def _expect(self, head: Node, shape: Shape) -> None:
        if prod(shape) != head.numel or shape[0] != head.shape[0]:
            raise _Refused(f"makes {_times(head.shape)} where {_times(shape)} was expected (its padding or axis)")


def _normalised(mean: Sequence[float], std: Sequence[float]) -> torch.Tensor:
    """What the network sees for each brightness, (channels, 256), to the last bit."""
    grey = torch.arange(256, dtype=torch.uint8).expand(1, len(mean), 1, 256)
    return Batches(grey, mean, std).take(torch.arange(1))[0, :, 0]


def _limits(bits: int) -> Pair:
    return -(2 ** (bits - 1)), 2 ** (bits - 1) - 1


def _span(low: int, high: int, table: NDArray[np.int8] | None) -> Pair:
    """The least and the largest output."""
    if table is None:
        return low, high
    reached = table[low + 128 : high + 129]
    return int(reached.min()), int(reached.max())


def _bounds(node: Node, call: Call) -> tuple[float, float]:
    if node.kind != "clamp":
        return 0.0, 6.0 if node.kind == "relu6" else inf
    found = [call.named.get(name, call.named.get(f"{name}_val")) for name in ("min", "max")]
    if any(isinstance(end, torch.Tensor) for end in found):
        raise _Refused("clamps to a tensor, not to numbers", node)
    return -inf if found[0] is None else float(found[0]), inf if found[1] is None else float(found[1])


def _batch_norm(node: Node, call: Call) -> tuple[Real, Real]:
    """a and b of y = a·x + b for each channel."""
    mean, variance, weight, bias = (call.named[k] for k in ("running_mean", "running_var", "weight", "bias"))
    if mean is None or variance is None:
        raise _Refused("normalises by the statistics of the batch; a chip sees one picture", node)
    a = 1 / np.sqrt(_real(variance) + call.named["eps"])
    a = a if weight is None else a * _real(weight)
    return a, (0 if bias is None else _real(bias)) - _real(mean) * a


def _linear(call: Call) -> tuple[Real, Real]:
    """Weight (outputs, inputs) and bias."""
    named = call.named
    if "weight" in named:
        weight, bias = named["weight"], named["bias"]
    else:  # a matrix product
        given = {id(tensor) for tensor in call.given}
        left = named["mat1"] if "mat1" in named else named["self"]
        right = named["mat2"] if "mat2" in named else named["other"]
        if id(left) not in given or right.ndim != 2:
            raise _Refused("only products of a picture's values with a matrix on their right are lowered")
        weight, bias = right.T, named["self"] if "mat1" in named else None
    weight = _real(weight)
    return weight, np.zeros(len(weight)) if bias is None else np.broadcast_to(_real(bias), len(weight))


def _dilated(weight: Real, dilation: Sequence[int]) -> Real:
    """The kernel with zeros between its taps."""
    if all(gap == 1 for gap in dilation):
        return weight
    size = [(k - 1) * gap + 1 for k, gap in zip(weight.shape[2:], dilation, strict=True)]
    wide = np.zeros((*weight.shape[:2], *size))
    wide[:, :, :: dilation[0], :: dilation[1]] = weight
    return wide


def _real(tensor: torch.Tensor) -> Real:
    return tensor.detach().cpu().double().numpy()


def _pair(values: Sequence[int]) -> Pair:
    return int(values[0]), int(values[1])


def _list(value: Any) -> list[int]:
    return [value] if isinstance(value, int) else list(value)


def _times(shape: Sequence[int]) -> str:
    return "×".join(map(str, shape))


def _place(node: Node, reason: str) -> str:
    where = f"{node.source}: " if node.source else ""
    return f"{where}layer {node.name} ({node.kind}): {reason}"
