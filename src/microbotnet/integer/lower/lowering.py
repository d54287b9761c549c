"""A program that grows, a stage at a time: what the files of this folder have in common."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import inf, prod

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ...errors import BadInput
from ...graph.graph import Node, times
from ...graph.trace import trace_calls
from ...quant.activations import ActivationQuantizers
from ...quant.stages import SCORE_BITS, Stage, cut, is_function
from .. import ranges
from ..fixed import fixed_point, tolerance_of
from ..operators import Convolve, Gate, Operator, SumPool
from ..program import LIMITS, Pair, Program, Requantize, Shape, Tensor
from .constants import Real, bounds
from .refused import Refused, place

PICTURE = "picture"
IDENTITY = Requantize(np.ones(1, np.int32), np.zeros(1, np.int32), 0, 0, -128, 127)

Rule = Callable[["Lowering", Stage], None]
RULES: dict[str, Rule] = {}  # by the kind of a stage's head; FUNCTION is any function of one value
FUNCTION = "function"


def lowers(*kinds: str) -> Callable[[Rule], Rule]:
    """The rule for stages whose head is of one of these kinds: it adds operators, and the stage's output."""

    def register(rule: Rule) -> Rule:
        RULES.update(dict.fromkeys(kinds, rule))
        return rule

    return register


class Lowering:
    """A network, its stages, and the program so far.

    graph, calls: the network. mean, std: of the pictures. scales, bits: of the points, by node.
    tensors, operators: of the program.
    """

    def __init__(
        self,
        model: nn.Module,
        quantizers: ActivationQuantizers,
        shape: tuple[int, ...],
        mean: Sequence[float],
        std: Sequence[float],
    ) -> None:
        self.quantizers, self.mean, self.std = quantizers, mean, std
        self.graph, calls = trace_calls(model, shape)
        self.calls = calls.behind
        self.stages = cut(self.graph, quantizers.point_bits)
        self.bits = {name: point.bits for name, point in self.stages.points.items()}
        self.scales = {name: quantizers.at(name).scale_and_zero_point() for name in self.stages.points}
        self.tensors: dict[str, Tensor] = {}
        self.operators: list[Operator] = []

    def run(self) -> Program:
        """The whole program."""
        for stage in self.stages.stages:
            try:
                self._stage(stage)
            except Refused as reason:
                raise BadInput(place(reason.node or stage.head, str(reason))) from None
        return Program(self.tensors, tuple(self.operators), PICTURE, (self._scores(),))

    def inputs(self, stage: Stage) -> list[Tensor]:
        """What the stage's head reads."""
        return [self.tensors[name] for name in stage.inputs]

    def finish(
        self,
        stage: Stage,
        operator: Convolve | SumPool | Gate,
        shape: Shape,
        factor: Real,
        centre: Real,
        constant: Real,
    ) -> None:
        """Add `operator`, with the rounding of real = factor·(acc − centre) + constant."""
        (found,) = self.sums(operator, Tensor("", shape, "int8", 1.0, 0, 0, 0))
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
        self.operators.append(replace(operator, requantize=how))
        self.hold(stage, shape, *_span(how.low, how.high, how.table))

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
        y = real
        for node in functions:
            if node.kind == "sign":
                y = torch.where(y >= 0, 1.0, -1.0)
                continue
            try:
                y = self.calls[node.name](y.clone())
            except (RuntimeError, TypeError, NotImplementedError) as error:
                raise Refused(f"is no function of one value: {error}", node) from None
            if y.shape != real.shape or y.is_meta:
                raise Refused("is no function of one value", node)
        if y.isnan().any():
            raise Refused("has no value for some inputs", stage.nodes[-1])
        held = self.stages.held[stage.name]
        scale, zero_point, _ = self._held(stage)
        with torch.no_grad():
            rounded = y if held is None else self.quantizers.at(held)(y)
        codes: NDArray[np.int8] = (rounded.double() / scale + zero_point).round().numpy().astype(np.int8)
        return codes

    def hold(self, stage: Stage, shape: Shape, low: int, high: int) -> None:
        """The stage's output has this shape, and no element outside low…high."""
        scale, zero_point, bits = self._held(stage)
        dtype = "int16" if bits == SCORE_BITS else "int8"
        self.tensors[stage.name] = Tensor(stage.name, shape, dtype, scale, zero_point, low, high)

    def hold_span(self, stage: Stage, shape: Shape, low: int, high: int, table: NDArray[np.int8] | None) -> None:
        """`hold`, where integers low…high go through a table."""
        self.hold(stage, shape, *_span(low, high, table))

    def expect(self, head: Node, shape: Shape) -> None:
        """`shape` is what the network makes here."""
        if prod(shape) != head.numel or shape[0] != head.shape[0]:
            raise Refused(f"makes {times(head.shape)} where {times(shape)} was expected (its padding or axis)")

    def _stage(self, stage: Stage) -> None:
        if not stage.head.known:
            raise Refused("this operator is not known")
        rule = RULES.get(FUNCTION if is_function(stage.head) else stage.head.kind)
        if rule is None:
            raise Refused("this operator has no integer form")
        rule(self, stage)

    def _scores(self) -> str:
        if len(self.graph.outputs) != 1:
            raise BadInput(f"the network has {len(self.graph.outputs)} outputs; an integer program has one, the scores")
        name = self.stages.behind[self.graph.outputs[0]]
        scores = self.tensors[name]
        if scores.shape[1:] != (1, 1):
            node = self.graph[name]
            raise BadInput(place(node, f"its output of {times(scores.shape)} is no list of scores"))
        if scores.dtype == "int16":
            return name
        channels, wide = scores.shape[0], f"{name}.scores"
        how = replace(IDENTITY, low=LIMITS["int16"][0], high=LIMITS["int16"][1])
        ones = np.ones((channels, 1, 1, 1), np.int8)
        self.operators.append(Convolve(wide, name, wide, ones, 1, (1, 1), (0, 0), channels, how))
        self.tensors[wide] = replace(scores, name=wide, dtype="int16")
        return wide

    def _sign(self, stage: Stage, factor: Real, centre: Real, constant: Real) -> Requantize:
        """Compare each sum with its threshold: the index −1 is below 0, the index 0 is not."""
        if stage.clamps:
            raise Refused("a clamp before a sign is not lowered")
        if self.calls[stage.functions[0].name].func.overloadpacket.__name__ == "sign":
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


def _span(low: int, high: int, table: NDArray[np.int8] | None) -> Pair:
    """The least and the largest output."""
    if table is None:
        return low, high
    reached = table[low + 128 : high + 129]
    return int(reached.min()), int(reached.max())
