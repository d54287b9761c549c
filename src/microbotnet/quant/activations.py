"""Activations rounded as an integer engine will round them, put on a network from outside, to train with.

`quantize_activations` finds the points where a chip would hold a tensor in 8 bits (`stages`) and puts a quantizer on
each. The network is not changed: while it runs, the functions that it calls are counted, and the results of those
that stand at a point are rounded.
"""

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from math import ceil, log2
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

from ..errors import BadInput, Failed
from ..graph.calls import Calls
from ..graph.graph import Graph
from ..graph.kinds import kind_of
from ..graph.trace import trace_calls
from ..graph.written_out import written_out
from .stages import SCORE_BITS, Stages, cut, has_integer_form

NAME = "activation_quantizers"  # of the module that is put on the network
BITS = (8, 4, 1)
MARK = "_of_picture"  # an attribute of every tensor of a run that depends on the picture
_EVERY = 8  # training steps between looks at the range
_PACE = 0.05  # by which a look moves it
_HEADROOM = 2.0  # of the scores beyond what was seen, since saturated scores cannot be told apart
_LEAST = 1e-30  # a scale under it is that of a tensor of zeros


Between = Callable[[int, str, Sequence[Any], Mapping[str, Any], Tensor], Tensor]
"""From the number of a call, the function's name, its arguments and its result to what goes on instead."""


def unrounded(key: str, x: Tensor) -> None:
    """As a quantizer's `watch`: nothing is rounded, for while somebody watches nothing is, and nothing is kept."""


def levels(bits: int) -> tuple[int, int]:
    """The lowest and the highest integer: −2^(bits−1) and 2^(bits−1) − 1."""
    return -(2 ** (bits - 1)), 2 ** (bits - 1) - 1


def affine(low: float, high: float, bits: int, *, power_of_two: bool = False) -> tuple[float, int]:
    """Scale and zero point of integers that cover low…high, which 0 is in: x = scale·(q − zero_point).

    0 is always a value. The scores' zero point is 0, and there is room for twice their range. With `power_of_two` the
    scale is the next one that is.
    """
    least, most = levels(bits)
    scores = bits == SCORE_BITS
    scale = _HEADROOM * max(-low, high) / most if scores else (high - low) / (most - least)
    scale = scale if scale > _LEAST else 1.0
    scale = 2.0 ** ceil(log2(scale)) if power_of_two else scale
    return scale, 0 if scores else round(least - low / scale)


class ActivationQuantizer(nn.Module):
    """Rounds a tensor to integers of `bits` that cover the range low…high, and back.

        q = clip(round(x / s) + z, −2^(b−1), 2^(b−1) − 1);   y = s·(q − z)
        ∂x = G where x is inside the range, else 0

    The range is a moving average of the least and largest value of training batches, looked at every 8th step. Where
    `learned` it begins as that of the first batch and has the gradient of y with round(·) passed straight through:
    LSQ (arXiv 1902.08153) with both ends free, as in LSQ+ (arXiv 2004.09576). For e = (y − x) / (high − low),

        ∂low = Σ G·(1 where x < low, −e inside, 0 above) / √N;   ∂high = Σ G·(0, e, 1) / √N

    Args:
        bits: 2 to 16.
        lowest, highest: what reads the tensor takes all values beyond for equal; the range does not go there.
        learned: whether low and high are parameters.
        power_of_two: the scale is one; see `affine`.
        fixed: the range is lowest…highest, whatever values come.

    Shape: any float tensor in, the same out.
    """

    low: Tensor
    high: Tensor

    def __init__(
        self,
        bits: int,
        lowest: float,
        highest: float,
        *,
        learned: bool = False,
        power_of_two: bool = False,
        fixed: bool = False,
    ) -> None:
        super().__init__()
        self.bits, self.lowest, self.highest, self.fixed = bits, lowest, highest, fixed
        self.learned, self.power_of_two = learned and not fixed, power_of_two
        for name, end in (("low", lowest), ("high", highest)):
            start = torch.tensor(end if fixed else 0.0)
            if self.learned:
                self.register_parameter(name, nn.Parameter(start))
            else:
                self.register_buffer(name, start)

    @torch.no_grad()
    def observe(self, x: Tensor) -> None:
        """Move the range towards the one of `x`; the first time, to it, and if it is learned only then."""
        low, high = torch.aminmax(x.detach().float())
        pace = torch.where(self.high > self.low, 0.0 if self.learned else _PACE, 1.0)
        self.set(torch.lerp(self.low, low, pace), torch.lerp(self.high, high, pace))

    @torch.no_grad()
    def set(self, low: Tensor, high: Tensor) -> None:
        """Make the range low…high (scalar tensors), as far as it may go; 0 is always in it."""
        if self.fixed:
            return
        self.low.copy_(low.clamp(self.lowest, 0))
        self.high.copy_(high.clamp(0, self.highest))

    def scale_and_zero_point(self) -> tuple[float, int]:
        """As an integer engine needs them."""
        low, high = max(min(self.low.item(), 0.0), self.lowest), min(max(self.high.item(), 0.0), self.highest)
        return affine(low, high, self.bits, power_of_two=self.power_of_two)

    def forward(self, x: Tensor) -> Tensor:
        least, most = levels(self.bits)
        if self.learned and torch.is_grad_enabled():
            scale, zero_point = self._tensors()
            # Counted from 0, since torch's gradient rounds a zero point under 0 to the wrong integer.
            return torch._fake_quantize_learnable_per_tensor_affine(
                x, scale[None], zero_point[None] - least, 0, most - least, x.numel() ** -0.5
            )
        if x.device.type == "cpu":
            return _rounded(x, *self.scale_and_zero_point(), least, most)
        with torch.no_grad():
            scale, zero_point = self._tensors()
        return torch.fake_quantize_per_tensor_affine(x, scale, zero_point.round().int(), least, most)

    def _tensors(self) -> tuple[Tensor, Tensor]:
        """`affine`, differentiable, and with no number to wait for on a GPU; the zero point is not yet rounded."""
        low, high = self.low.clamp(self.lowest, 0), self.high.clamp(0, self.highest)
        least, most = levels(self.bits)
        scores = self.bits == SCORE_BITS
        scale = _HEADROOM * torch.maximum(-low, high) / most if scores else (high - low) / (most - least)
        scale = torch.where(scale > _LEAST, scale, 1.0)
        scale = scale.log2().ceil().exp2() if self.power_of_two else scale
        return scale, torch.zeros_like(scale) if scores else least - low / scale


class ActivationQuantizers(nn.ModuleDict):
    """The quantizers of a network by their points, "/" for the dots in the names, and how they are found in a run."""

    steps: Tensor

    def __init__(
        self,
        graph: Graph,
        stages: Stages,
        calls: Calls,
        *,
        bits: int,
        learned: bool = False,
        power_of_two: bool = False,
    ) -> None:
        how = {"learned": learned, "power_of_two": power_of_two}
        super().__init__(
            {
                _key(p.node): ActivationQuantizer(p.bits, p.low, p.high, fixed=p.fixed, **how)
                for p in stages.points.values()
            }
        )
        self.bits, self.power_of_two = bits, power_of_two
        self.calls: list[tuple[str, str | None]] = []  # what the network calls: function, quantizer of its result
        waiting = dict.fromkeys(stages.points)
        for function, node in calls.outer:
            point = None if node is None else _point_of(graph, node, waiting)
            self.calls.append((function, None if point is None else _key(point)))
            waiting = {other: waiting[other] for other in waiting if other != point}
        self.at_input = "input" in waiting
        for node in (name for name in waiting if name != "input"):
            raise BadInput(_inside(graph, node))
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))
        self.watch: Callable[[str, Tensor], None] | None = None  # instead of rounding: shown the values
        self.between: Between | None = None  # may replace what a call made before it is rounded
        self._runs: list[Run] = []

    @property
    def point_bits(self) -> int:
        """Of the activations that are not signs."""
        return 8 if self.bits == 1 else self.bits

    def at(self, node: str) -> ActivationQuantizer:
        """The quantizer behind a node of the graph."""
        found = self[_key(node)]
        assert isinstance(found, ActivationQuantizer)
        return found

    def enter(self, module: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...] | None:
        """Before the network runs."""
        (x,) = args
        if x.is_meta:
            return None  # it is being traced: rounding is no operator of the network
        run = Run(self, look=self._looks())
        x = run.point("input", x) if self.at_input else x
        setattr(x, MARK, True)
        self._runs.append(run)
        run.__enter__()  # type: ignore[no-untyped-call]
        return (x,)

    def leave(self, module: nn.Module, args: tuple[Any, ...], result: Any) -> None:
        """After it ran, or failed."""
        if not args[0].is_meta and self._runs:
            self._runs.pop().__exit__(None, None, None)  # type: ignore[no-untyped-call]

    def forward(self, x: Tensor) -> Tensor:
        """Hands on what it is given: in a network that is a sequence of its members, this one is the last."""
        return x

    def _looks(self) -> bool:
        if not self.training or self.watch:
            return False
        step = int(self.steps)
        self.steps += 1
        return step % _EVERY == 0


class Run(TorchFunctionMode):
    """One run of a network: counts the functions that it calls with what depends on the picture."""

    def __init__(self, quantizers: ActivationQuantizers, *, look: bool) -> None:
        super().__init__()
        self.quantizers, self.look, self.count = quantizers, look, 0

    def point(self, key: str, x: Tensor) -> Tensor:
        """What goes on in place of `x`."""
        if self.quantizers.watch is not None:
            self.quantizers.watch(key, x)
            return x
        quantizer = self.quantizers[key]
        assert isinstance(quantizer, ActivationQuantizer)
        if self.look:
            quantizer.observe(x)
        rounded: Tensor = quantizer(x)
        return rounded

    def ahead(self, offset: int, functions: Sequence[str]) -> list[ActivationQuantizer | None] | None:
        """The quantizers behind calls to come, from `offset` on, None where there is none, if these are the functions.

        Nothing where somebody must see the values, or ranges have gradients.
        """
        begin = self.count + offset
        expected = self.quantizers.calls[begin : begin + len(functions)]
        if self.quantizers.watch is not None or [name for name, _ in expected] != [*functions]:
            return None
        found: list[Any] = [None if key is None else self.quantizers[key] for _, key in expected]
        return None if any(quantizer is not None and quantizer.learned for quantizer in found) else found

    def did(self, calls: int, result: Tensor) -> None:
        """So many of the calls to come were made, rounding included, unseen by the mode; `result` is the last's."""
        self.count += calls
        setattr(result, MARK, True)

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        simpler = written_out(self, func, args, kwargs)
        if simpler is not NotImplemented:
            return simpler
        result = func(*args, **(kwargs or {}))
        if not _of_picture(args) and not (kwargs and _of_picture(kwargs.values())):
            return result
        if not isinstance(result, Tensor):
            made = [leaf for leaf in tree_leaves(result) if isinstance(leaf, Tensor)]
            for tensor in made:
                setattr(tensor, MARK, True)
            self.count += bool(made)
            return result
        calls = self.quantizers.calls
        expected, key = calls[self.count] if self.count < len(calls) else ("nothing", None)
        if func.__name__ != expected:
            raise Failed(
                f"the network calls {func.__name__} where it called {expected} when its activations were quantized; "
                "a network that runs other operators in training cannot be trained so"
            )
        self.count += 1
        if self.quantizers.between is not None:
            result = self.quantizers.between(self.count, func.__name__, args, kwargs or {}, result)
        if key is not None:
            result = self.point(key, result)
        setattr(result, MARK, True)
        return result


def quantize_activations(
    model: nn.Module,
    bits: int = 8,
    input_shape: Sequence[int] = (3, 32, 32),
    *,
    learned: bool = False,
    power_of_two: bool = False,
) -> ActivationQuantizers:
    """Put quantizers on the activations of `model`, in place; it trains and evaluates as before, rounded.

    Rounded are: the picture; the sum of every convolution, linear layer, addition, gate and average pool, after the
    batch norm and ReLU behind it; the index and the result of every other non-linearity, which an integer engine
    looks up; the scores, at 16 bits. A concatenation and what is only made for it share one range. The ranges follow
    the training batches, or are set by `calibrate`.

    Args:
        model: any network that `graph.trace.trace` can trace.
        bits: 8 or 4; the picture and the indices of tables stay at 8. Or 1, for a network whose activations are
            signs already: then all that is not a sign has 8.
        input_shape: of one picture.
        learned: the ranges are learned by gradient.
        power_of_two: every scale is the next power of two, so that lowering requantizes by shifts; see `power_of_two`.

    Returns:
        The quantizers; they are the model's submodule `activation_quantizers`.

    Raises:
        BadInput: no such bits, the network is quantized so already, or see `trace`; learned powers of two.
    """
    if learned and power_of_two:
        raise BadInput("scales that are powers of two cannot be learned by gradient; leave out learned or power_of_two")
    if bits not in BITS:
        raise BadInput(f"activations can have 8, 4 or 1 bits, not {bits}")
    if getattr(model, NAME, None) is not None:
        raise BadInput("the activations of this network are quantized already")
    graph, calls = trace_calls(model, input_shape)
    stages = cut(graph, 8 if bits == 1 else bits)
    if bits == 1 and not any(stage.is_sign for stage in stages.stages):
        raise BadInput("activations of 1 bit are a network's own signs, and this one has none; binarynet has")
    quantizers = ActivationQuantizers(graph, stages, calls, bits=bits, learned=learned, power_of_two=power_of_two)
    quantizers.train(model.training)
    device = next(model.parameters(), torch.empty(0)).device
    model.add_module(NAME, quantizers.to(device))
    model.register_forward_pre_hook(quantizers.enter)
    model.register_forward_hook(quantizers.leave, always_call=True)
    return quantizers


def _rounded(x: Tensor, scale: float, zero_point: int, least: int, most: int) -> Tensor:
    """What `torch.fake_quantize_per_tensor_affine` makes, which on a CPU takes four times as long."""
    y = F.hardtanh(x, (least - zero_point) * scale, (most - zero_point) * scale)
    with torch.no_grad():
        return y.mul_(1 / scale).round_().mul_(scale)


def _point_of(graph: Graph, name: str, waiting: Container[str]) -> str | None:
    """The point among `waiting` whose values a node hands on, moved or not; None if there is none."""
    while name not in waiting:
        node = graph[name]
        moves = kind_of(node.kind).reshapes or kind_of(node.kind).keeps
        if not moves or len(node.inputs) != 1 or len(graph.consumers[node.inputs[0]]) != 1:
            return None
        name = node.inputs[0]
    return name


def _inside(graph: Graph, name: str) -> str:
    """Why a point within a function of torch cannot be: if that function has no integer form, for that."""
    at = graph.nodes.index(graph[name])
    near = [node for i, node in enumerate(graph.nodes) if i <= at or node.source == graph[name].source]
    strange = next((node for node in near if not has_integer_form(node)), None)
    node = strange or graph[name]
    where = f"{node.source}: " if node.source else ""
    reason = (
        "happens inside of a function of torch, where it cannot be rounded; write that function out in simpler ones"
    )
    if strange is not None:
        reason = f"has no integer form; {kind_of(strange.kind).instead}"
    return f"{where}layer {node.name} ({node.kind}): {reason}"


def _key(node: str) -> str:
    return node.replace(".", "/")


def _of_picture(values: Iterable[Any]) -> bool:
    return any(
        hasattr(value, MARK) if isinstance(value, Tensor) else isinstance(value, list | tuple) and _of_picture(value)
        for value in values
    )
