"""A program that grows, a stage at a time: what the files of this folder have in common."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import inf, prod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ...errors import BadInput
from ...graph.graph import Node
from ...graph.kinds import kind_of
from ...graph.trace import trace_calls
from ...quant.activations import ActivationQuantizers
from ...quant.stages import SCORE_BITS, Stage, cut, is_affine, is_function
from .. import ranges
from ..fixed import fixed_point, tolerance_of
from ..operators import Concatenate, Convolve, Gate, Lookup, Operator, Pad, SumPool, View, WindowSum
from ..program import LIMITS, Pair, Program, Requantize, Shape, Tensor
from .constants import Real, bounds
from .refused import Refused, place
from .value import Index, Value, along, box, canonical, runs, steps, whole

IDENTITY = Requantize(np.ones(1, np.int32), np.zeros(1, np.int32), 0, 0, -128, 127)

Rule = Callable[["Lowering", Stage], None]
RULES: dict[str, Rule] = {}  # by the kind of a stage's head, or one of these
_PIECES = 32  # of a channel-, row- or column-wise move without a regular step, at most
FUNCTION = "function"  # of one value
AFFINE = "affine"  # a·x + b, where no convolution takes it


def lowers(*kinds: str) -> Callable[[Rule], Rule]:
    """The rule for stages whose head is of one of these kinds: it adds operators, and the stage's value."""

    def register(rule: Rule) -> Rule:
        RULES.update(dict.fromkeys(kinds, rule))
        return rule

    return register


class Lowering:
    """A network, its stages, and the program so far.

    graph, calls: the network. mean, std: of the pictures; None where the input is features.
    scales, bits: of the points, by node. tensors, operators: of the program. values: what the stages make, by name.
    """

    def __init__(
        self,
        model: nn.Module,
        quantizers: ActivationQuantizers,
        shape: tuple[int, ...],
        mean: Sequence[float] | None,
        std: Sequence[float] | None,
    ) -> None:
        self.quantizers, self.mean, self.std = quantizers, mean, std
        self.graph, calls = trace_calls(model, shape)
        self.calls = calls.behind
        self.stages = cut(self.graph, quantizers.point_bits)
        self.bits = {name: point.bits for name, point in self.stages.points.items()}
        self.scales = {name: quantizers.at(name).scale_and_zero_point() for name in self.stages.points}
        self.tensors: dict[str, Tensor] = {}
        self.operators: list[Operator] = []
        self.values: dict[str, Value] = {}
        self.input = ""
        self._made: dict[tuple[str, Shape, float, bytes], Tensor] = {}

    def run(self) -> Program:
        """The whole program."""
        for stage in self._needed():
            try:
                self._stage(stage)
            except Refused as reason:
                raise BadInput(place(reason.node or stage.head, str(reason))) from None
        outputs = tuple(self._output(name) for name in self.graph.outputs)
        return Program(self.tensors, tuple(self.operators), self.input, outputs)

    def inputs(self, stage: Stage) -> list[Tensor]:
        """What the stage's head reads, each as a tensor of the shape that it has there."""
        return [self.read(name) for name in stage.head.inputs]

    def value(self, name: str) -> Value:
        """What a node of the graph makes, in the node's shape."""
        value = self.values[self.stages.source[name]]
        return replace(value, index=value.index.reshape(self.graph[name].shape))

    def read(self, name: str) -> Tensor:
        """What a node of the graph makes, as a tensor of the node's shape."""
        value = self.value(name)
        return self.materialize(value, canonical(value.index.shape), name)

    def materialize(self, value: Value, shape: Shape, name: str) -> Tensor:
        """A tensor of `shape` with the value's elements, which operators that move them make where there is none."""
        x = self.tensors[value.tensor]
        if x.shape == shape and value.is_whole(x.shape):
            return x
        key = value.tensor, shape, value.fill, value.index.tobytes()
        if key not in self._made:
            self._made[key] = self._moved(value.index.reshape(shape), value.fill, x, name)
        return self._made[key]

    def is_regular(self, value: Value) -> bool:
        """Whether `materialize` makes it by one operator, but for a border."""
        index = value.index.reshape(canonical(value.index.shape))
        ends = box(index)
        return ends is not None and steps(index[_slices(ends)].reshape(-1)) is not None

    def add(self, operator: Operator, tensor: Tensor) -> Tensor:
        """Add an operator that makes `tensor`."""
        self.operators.append(operator)
        self.tensors[tensor.name] = tensor
        return tensor

    def free(self, name: str) -> str:
        """A name that no tensor has."""
        found, count = name, 1
        while found in self.tensors or (found in self.stages.source and found != name):
            count += 1
            found = f"{name}#{count}"
        return found

    def finish(
        self,
        stage: Stage,
        operator: Convolve | SumPool | Gate | WindowSum,
        shape: Shape,
        factor: Real,
        centre: Real,
        constant: Real,
        like: Value | None = None,
    ) -> None:
        """Add `operator`, with the rounding of real = factor·(acc − centre) + constant.

        shape: of its output. like: see `hold`.
        """
        (found,) = self.sums(operator, Tensor("", shape, "int8", 1.0, 0, 0, 0))
        if len(factor) == 1:
            found = ranges.Range(found.low.min(keepdims=True), found.high.max(keepdims=True))
        if stage.functions and stage.functions[0].kind == "sign":
            how = self._sign(stage, factor, np.broadcast_to(centre, factor.shape), constant)
        else:
            scale, zero_point, low, high, table = self.rounding(stage)
            bias = constant / scale + zero_point
            how = fixed_point(
                found,
                _snapped(factor / scale) if self.quantizers.power_of_two else factor / scale,
                centre,
                bias,
                low=low,
                high=high,
                table=table,
                tolerance=tolerance_of(operator, scores=high > LIMITS["int8"][1]),
                name=stage.head.name,
            )
        self.hold(stage, replace(operator, requantize=how), shape, *how.span, like)

    def sums(self, operator: Operator, like: Tensor) -> tuple[ranges.Range, ...]:
        """Bounds of the sums of an operator whose output is `like`."""
        tensors = self.tensors | {operator.output: replace(like, name=operator.output)}
        return ranges.sums(Program(tensors, (), "", ()), operator)

    def rounding(self, stage: Stage) -> tuple[float, int, int, int, NDArray[np.int8] | None]:
        """Scale, zero point, lowest and highest of the integers the stage's sum is rounded to, and its table."""
        at = stage.index.name if stage.index else self.stages.held[stage.name]
        assert at is not None
        scale, zero_point = self.scales[at]
        least, most = _limits(self.bits[at])
        low, high = -inf, inf
        for node in stage.clamps:
            floor, ceiling = bounds(node, self.calls[node.name])
            low, high = (min(max(end, floor), ceiling) for end in (low, high))
        low, high = (float(np.clip(np.rint(end / scale) + zero_point, least, most)) for end in (low, high))
        if stage.index is None:
            return scale, zero_point, int(low), int(high), None
        real = (torch.arange(-128, 128)[None] - zero_point).float() * scale
        return scale, zero_point, int(low), int(high), self.quantized(stage, stage.functions, real)[0]

    def quantized(self, stage: Stage, functions: Sequence[Node], real: torch.Tensor) -> NDArray[np.int8]:
        """`functions` of (channels, 256) real numbers, as integers of the stage's output."""
        made: dict[str, torch.Tensor] = {}
        y = real[None, :, None]  # (1, channels, 1, 256): constants have the shape that they have in the network
        first = y
        for node in functions:
            # What is made by none of them is what the first reads.
            given = [made.get(self.stages.behind[name], first) for name in node.inputs]
            if node.kind == "sign":
                y = torch.where(given[0] >= 0, 1.0, -1.0)
            else:
                try:
                    y = self.calls[node.name](*(value.clone() for value in given))
                except (RuntimeError, TypeError, NotImplementedError) as error:
                    raise Refused(f"is no function of one value: {error}", node) from None
                if y.dim() != 4 or (*y.shape[:1], *y.shape[2:]) != (1, 1, 256) or y.is_meta:
                    raise Refused("is no function of one value", node)
            made[node.name] = y
        if y.isnan().any():
            raise Refused("has no value for some inputs", stage.nodes[-1])
        held = self.stages.held[stage.name]
        scale, zero_point, _ = self._held(stage)
        with torch.no_grad():
            rounded = (y if held is None else self.quantizers.at(held)(y.float()))[0, :, 0]
        codes: NDArray[np.int8] = (rounded.double() / scale + zero_point).round().numpy().astype(np.int8)
        return codes

    def hold(
        self, stage: Stage, operator: Operator, shape: Shape, low: int, high: int, like: Value | None = None
    ) -> None:
        """Add `operator`, which makes the stage's output, of this shape and with no element outside low…high.

        like: the stage's value by elements of the output; None where they are as they lie. Only then has the tensor the
        name of the stage.
        """
        ordered = like is None or like.is_whole(shape)
        name = stage.name if ordered else self.free(f"{stage.name}.parts")
        scale, zero_point, bits = self._held(stage)
        dtype = "int16" if bits == SCORE_BITS else "int8"
        renamed: Any = {"output": name}
        self.add(replace(operator, **renamed), Tensor(name, shape, dtype, scale, zero_point, low, high))
        index = whole(name, stage.nodes[-1].shape).index if like is None else like.index
        self.values[stage.name] = Value(name, index.reshape(stage.nodes[-1].shape))

    def rescaled(self, x: Tensor, scale: float, zero_point: int, name: str) -> Tensor:
        """The same values as integers of another scale: a table."""
        if (x.scale, x.zero_point) == (scale, zero_point):
            return x
        real = (np.arange(-128, 128) - x.zero_point) * x.scale
        table = np.clip(np.rint(real / scale) + zero_point, -128, 127).astype(np.int8)[None]
        low, high = (int(table[0, end + 128]) for end in (x.low, x.high))
        name = self.free(f"{name}.scaled")
        made = Tensor(name, x.shape, "int8", scale, zero_point, low, high)
        return self.add(Lookup(name, x.name, name, table), made)

    def _moved(self, index: Index, fill: float, x: Tensor, name: str) -> Tensor:
        ends = box(index)
        if ends is None:
            raise Refused("moves elements in no regular way")
        if x.dtype != "int8":
            raise Refused("moves what was rounded to 16 bits")
        inner = steps(index[_slices(ends)].reshape(-1))
        if inner is None:
            return self._in_pieces(index, x, name)
        sizes = canonical([b - a for a, b in ends])
        if sizes != x.shape or inner != ((prod(x.shape),), (1,)):
            label = self.free(name if sizes == index.shape else f"{name}.inside")
            start = int(index[tuple(a for a, _ in ends)])
            x = self.add(View(self._operator(label), x.name, label, *inner, start), replace(x, name=label, shape=sizes))
        if sizes == index.shape:
            return x
        label = self.free(name)
        code = int(np.rint(fill / x.scale)) + x.zero_point
        if not LIMITS["int8"][0] <= code <= LIMITS["int8"][1]:
            low, high = ((end - x.zero_point) * x.scale for end in LIMITS["int8"])
            raise Refused(f"pads with {fill:g}, outside of {low:.3g}…{high:.3g}, which its integers cover; pad with 0")
        before = (ends[0][0], ends[1][0], ends[2][0])
        made = replace(x, name=label, shape=canonical(index.shape), low=min(x.low, code), high=max(x.high, code))
        return self.add(Pad(self._operator(label), x.name, label, before, code), made)

    def _in_pieces(self, index: Index, x: Tensor, name: str) -> Tensor:
        """Of an index that takes whole channels, rows or columns in some order: piece by piece, then joined."""
        taken = along(index, x.shape)
        if taken is None or max(len(runs(line)) for line in taken) > _PIECES:
            raise Refused("moves elements in no regular way")
        for axis, line in enumerate(taken):
            if line.size == x.shape[axis] and (line == np.arange(line.size)).all():
                continue
            first = np.moveaxis(np.arange(prod(x.shape), dtype=np.int64).reshape(x.shape), axis, 0)
            pieces = [Value(x.name, first[line[run]]) for run in runs(line)]
            made = [self.materialize(piece, canonical(piece.index.shape), f"{name}.piece") for piece in pieces]
            label = self.free(f"{name}.joined")
            how = tuple(replace(IDENTITY, low=x.low, high=x.high) for _ in made)
            shape = (line.size, *first.shape[1:])
            joined = Concatenate(label, tuple(piece.name for piece in made), label, how)
            joint = self.add(joined, replace(x, name=label, shape=canonical(shape)))
            back = np.moveaxis(np.arange(prod(shape), dtype=np.int64).reshape(shape), 0, axis)
            x = self.materialize(Value(joint.name, back), canonical(back.shape), name)
        return x

    def _operator(self, tensor: str) -> str:
        """A name for an operator that moves elements into `tensor`."""
        return tensor if all(operator.name != tensor for operator in self.operators) else f"{tensor}.view"

    def _needed(self) -> list[Stage]:
        """The stages that an output depends on."""
        wanted = {self.stages.source[name] for name in self.graph.outputs}
        found = []
        for stage in reversed(self.stages.stages):
            if stage.name in wanted or stage.head.kind == "input":
                wanted |= set(stage.inputs)
                found.append(stage)
        return found[::-1]

    def _stage(self, stage: Stage) -> None:
        head = stage.head
        kind = FUNCTION if is_function(head) else head.kind
        rule = RULES.get(AFFINE if is_affine(head) and kind != "batch_norm" else kind)
        if rule is None:
            raise Refused(f"has no integer form; {kind_of(head.kind).instead}")
        rule(self, stage)

    def _output(self, name: str) -> str:
        node = self.graph[name]
        value = self.value(name)
        x = self.tensors[value.tensor]
        if x.dtype == "int16" and value.is_whole(x.shape):
            return x.name
        try:
            x = self.materialize(value, canonical(node.shape), name)
        except Refused as reason:
            raise BadInput(place(node, str(reason))) from None
        alone = len(self.graph.outputs) == 1 and x.shape[1:] == (1, 1)
        return self._wide(x) if alone or x.name == self.input else x.name

    def _wide(self, x: Tensor) -> str:
        """Scores have 16 bits."""
        channels, wide = x.shape[0], f"{x.name}.scores"
        how = replace(IDENTITY, low=x.low, high=x.high)
        ones = np.ones((channels, 1, 1, 1), np.int8)
        operator = Convolve(wide, x.name, wide, ones, 1, (1, 1), (0, 0), channels, how)
        return self.add(operator, replace(x, name=wide, dtype="int16")).name

    def _sign(self, stage: Stage, factor: Real, centre: Real, constant: Real) -> Requantize:
        """Compare each sum with its threshold: the index −1 is below 0, the index 0 is not."""
        if stage.clamps:
            raise Refused("a clamp before a sign is not lowered; leave it out, a sign stays the same")
        if self.calls[stage.functions[0].name].op == "sign":
            raise Refused("sign(0) = 0 would be a third value; use copysign or where(x >= 0, 1, -1)")
        threshold = centre - constant / np.where(factor == 0, 1, factor)
        offset = np.where(factor > 0, -np.ceil(threshold), np.floor(threshold))
        offset = np.clip(np.where(factor == 0, np.where(constant >= 0, 0, -1), offset), -(2**30), 2**30)
        values = torch.where(torch.arange(-128, 128) >= 0, 1.0, -1.0)[None]
        table = self.quantized(stage, stage.functions[1:], values)[0]
        return Requantize(np.sign(factor).astype(np.int32), offset.astype(np.int32), 0, 0, -1, 0, table)

    def _held(self, stage: Stage) -> tuple[float, int, int]:
        """Scale, zero point and bits of the stage's output; a sign is −1 or +1."""
        name = self.stages.held[stage.name]
        return (1.0, 0, 2) if name is None else (*self.scales[name], self.bits[name])


def _snapped(factor: Real) -> Real:
    """Powers of two in place of what is one up to the rounding of float32."""
    near = np.sign(factor) * np.exp2(np.rint(np.log2(np.where(factor == 0, 1, np.abs(factor)))))
    return np.where(np.abs(factor - near) <= 1e-4 * np.abs(near), near, factor)


def _limits(bits: int) -> Pair:
    return -(2 ** (bits - 1)), 2 ** (bits - 1) - 1


def _slices(ends: Sequence[tuple[int, int]]) -> tuple[slice, ...]:
    return tuple(slice(a, b) for a, b in ends)
