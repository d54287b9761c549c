"""Convolutions, each with the batch norm behind it, one after the other as one function in C (`kernels/stage.h`).

What a convolution makes is written to memory once, and its sums for the batch norm are taken while it is at hand. Batch
norm, gate and activation are done where the next convolution reads them; only what others see is written out.
"""

import ctypes
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..nets.layers import SqueezeExcite
from ..quant.activations import ActivationQuantizer, levels
from . import native
from .native import ACTIVATIONS, LARGEST_KERNEL, LARGEST_MAP, MOST_CHANNELS

_POINTER, _SIZE, _by = ctypes.c_void_p, ctypes.c_size_t, ctypes.byref


class _Rounding(ctypes.Structure):
    _fields_ = [(name, ctypes.c_float) for name in ("low", "high", "step", "inverse")]

    @classmethod
    def of(cls, quantizer: ActivationQuantizer | None) -> "_Rounding":
        """As the quantizer stands now; of None, one that rounds nothing."""
        if quantizer is None:
            return cls()
        step, zero_point = quantizer.scale_and_zero_point()
        low, high = ((end - zero_point) * step for end in levels(quantizer.bits))
        return cls(low, high, step, 1 / step)

    def __call__(self, x: Tensor) -> Tensor:
        return x.clamp(self.low, self.high).mul_(self.inverse).round_().mul_(self.step) if self.step else x

    def backward(self, x: Tensor, grad: Tensor) -> Tensor:
        """The gradient before the rounding of `x`."""
        return grad * ((x > self.low) & (x < self.high)) if self.step else grad


def _met(point: ActivationQuantizer | None, seen: Callable[[], Tensor] | None) -> _Rounding:
    """The rounding at a point. seen: what gives values with the range of those there, if the quantizer is to look."""
    if point is not None and seen is not None:
        point.observe(seen())
    return _Rounding.of(point)


class _Source(ctypes.Structure):
    _fields_ = [(name, _POINTER) for name in ("raw", "statistics", "gate")] + [
        *((name, _SIZE) for name in ("pictures", "pixels", "channels")),
        ("activation", ctypes.c_int),
        *((name, _Rounding) for name in ("normed", "gated", "activated")),
    ]


class _Norm(ctypes.Structure):
    _fields_ = [
        ("channels", _SIZE),
        *((name, _POINTER) for name in ("weight", "bias", "running_mean", "running_variance")),
        ("momentum", ctypes.c_double),
        ("epsilon", ctypes.c_double),
        *((name, _POINTER) for name in ("raw", "statistics", "means")),
    ]


class _Behind(ctypes.Structure):
    _fields_ = [
        ("channels", _SIZE),
        *((name, _POINTER) for name in ("raw", "statistics", "means", "grad", "grad_statistics", "grad_means")),
        *((name, _POINTER) for name in ("grad_weight", "grad_bias")),
    ]


class _Gradient(ctypes.Structure):
    _fields_ = [(name, _POINTER) for name in ("raw", "statistics", "gate", "added")]


_Shape = tuple[int, int, int, int]  # batch, channels, height, width
_Tensors = list[Tensor | None]


@dataclass
class _Values:
    """What the chain has come to; see `source_t` in kernels/stage.h."""

    shape: _Shape
    activation: str
    raw: Tensor
    statistics: Tensor | None = None
    gate: Tensor | None = None
    normed: _Rounding = field(default_factory=_Rounding)
    gated: _Rounding = field(default_factory=_Rounding)
    activated: _Rounding = field(default_factory=_Rounding)

    def source(self) -> _Source:
        batch, channels, height, width = self.shape
        pointers = _pointer(self.raw), _pointer(self.statistics), _pointer(self.gate)
        roundings = self.normed, self.gated, self.activated
        return _Source(*pointers, batch, height * width, channels, ACTIVATIONS.index(self.activation), *roundings)

    def ends(self) -> Tensor:
        """The lowest and the highest."""
        found = self.raw.new_empty(2)
        _check(native.library().ends(_by(self.source()), found.data_ptr()))
        return found

    def behind_norm(self) -> _Source:
        """The values before a gate."""
        batch, channels, height, width = self.shape
        return _Source(
            _pointer(self.raw), _pointer(self.statistics), None, batch, height * width, channels, 0, self.normed
        )

    def empty(self) -> _Tensors:
        """Room for the gradient of each tensor."""
        return [None if t is None else torch.empty_like(t) for t in (self.raw, self.statistics, self.gate)]


@dataclass
class _Stage:
    """A convolution, its batch norm, and what may follow: squeeze-and-excite, an activation.

    points: where what is behind each is rounded, by the name: "norm", "gate", "activation", and within
        squeeze-and-excite "pool", "first", "relu", "second" and "excited".
    look: whether their ranges follow the values.
    """

    conv: nn.Conv2d
    norm: nn.BatchNorm2d
    shape: _Shape  # of what it makes
    gate: SqueezeExcite | None
    activation: str
    points: dict[str, ActivationQuantizer]
    look: bool
    roundings: dict[str, _Rounding] = field(default_factory=dict)  # of the points, as they were in the forward pass

    def parameters(self) -> _Tensors:
        found: _Tensors = [self.conv.weight, self.norm.weight, self.norm.bias]
        if self.gate is not None:
            found += [p for layer in (self.gate.fc[0], self.gate.fc[2]) for p in (layer.weight, layer.bias)]  # type: ignore[misc]
        return found

    def forward(self, values: _Values, parameters: Sequence[Any]) -> tuple[_Values, _Tensors]:
        """The values behind it, and what `backward` needs."""
        batch, outputs, height, width = self.shape
        weight, norm_weight, norm_bias, *excite = parameters
        weight, room, norm = weight.contiguous(), _whole(outputs), self.norm
        made, about = values.raw.new_empty(batch, height, width, room), values.raw.new_empty(4, room)
        here = _Values(self.shape, "none", made, about)
        means = values.raw.new_empty(batch, room) if self._pools_raw() else None
        wanted = _Norm(
            outputs, norm_weight.data_ptr(), norm_bias.data_ptr(), _pointer(norm.running_mean),
            _pointer(norm.running_var), norm.momentum, norm.eps, made.data_ptr(), about.data_ptr(), _pointer(means),
        )  # fmt: skip
        _call("", self._map(values), values.source(), weight.data_ptr(), wanted)
        here.normed = self._meet("norm", here.ends)
        kept: _Tensors = [weight]
        if self.gate is not None:
            here.gate, of_gate = self._excite(here, means, excite)
            here.gated = self._meet("gate", here.ends)
            kept += [means, *of_gate, excite[0], excite[2]]
        here.activation = self.activation
        here.activated = self._meet("activation", here.ends)
        return here, kept

    def _excite(self, here: _Values, means: Tensor | None, parameters: Sequence[Tensor]) -> tuple[Tensor, _Tensors]:
        """The gate of the values, and what its gradient needs."""
        batch, channels, *_ = self.shape
        if means is not None:
            assert here.statistics is not None
            averages = torch.addcmul(here.statistics[3], means, here.statistics[2])[:, :channels]
        else:
            averages = here.raw.new_empty(batch, channels)
            _check(native.library().averages(_by(here.behind_norm()), averages.data_ptr()))

        def rounded(point: str, x: Tensor) -> Tensor:
            return self._meet(point, lambda: x)(x)

        pooled = rounded("pool", averages)
        first = F.linear(pooled, *parameters[:2])
        rectified = F.relu(rounded("first", first))
        squeezed = rounded("relu", rectified)
        second = F.linear(squeezed, *parameters[2:])
        index = rounded("second", second)
        excited = F.hardsigmoid(index)
        gate = rounded("excited", excited).contiguous()
        return gate, [averages, pooled, first, rectified, squeezed, second, index, excited]

    def _meet(self, point: str, seen: Callable[[], Tensor]) -> _Rounding:
        self.roundings[point] = found = _met(self.points.get(point), seen if self.look else None)
        return found

    def backward(
        self, values: _Values, made: _Values, kept: _Tensors, grads: _Tensors, added: Tensor | None, *, needed: bool
    ) -> tuple[_Tensors, _Tensors]:
        """The gradients of `values` (unless it is not needed), and of the parameters.

        grads: of `made`. added: to the gradient of values without a batch norm.
        """
        weight = kept[0]
        assert weight is not None
        grad, grad_about, grad_gate = grads
        grad_means, means, of_excite = None, None, list[Tensor | None]()
        if grad_gate is not None:
            means, *tensors = kept[1:]
            grad_means, of_excite = self._excite_backward(grad_gate, *tensors)
            if means is None:
                where = _Gradient(_pointer(grad), _pointer(grad_about), None, None)
                done = native.library().averages_backward(_by(made.behind_norm()), grad_means.data_ptr(), _by(where))
                _check(done)
                grad_means = None
        norm, grad_weight = weight.new_empty(2, len(weight)), torch.empty_like(weight)
        behind = _Behind(
            len(weight), _pointer(made.raw), _pointer(made.statistics), _pointer(means), _pointer(grad),
            _pointer(grad_about), _pointer(grad_means), norm[0].data_ptr(), norm[1].data_ptr(),
        )  # fmt: skip
        to: _Tensors = values.empty() if needed else [None, None, None]
        where = _Gradient(*map(_pointer, to), _pointer(added))
        _call("_backward", self._map(values), values.source(), weight.data_ptr(), behind, where, grad_weight.data_ptr())
        return to, [grad_weight, norm[0], norm[1], *of_excite]

    def _excite_backward(self, grad: Tensor, *kept: Any) -> tuple[Tensor, _Tensors]:
        """The gradients of the averages, and of the two linear layers' weights and biases."""
        averages, pooled, first, rectified, squeezed, second, index, excited, weight, second_weight = kept
        grad = torch.ops.aten.hardsigmoid_backward(self._rounding("excited").backward(excited, grad), index)
        grad = self._rounding("second").backward(second, grad)
        of_second = [grad.T @ squeezed, grad.sum(0)]
        grad = self._rounding("relu").backward(rectified, grad @ second_weight)
        grad = torch.ops.aten.threshold_backward(grad, rectified, 0)
        grad = self._rounding("first").backward(first, grad)
        of_first = [grad.T @ pooled, grad.sum(0)]
        assert self.gate is not None
        for found, layer in (of_first, self.gate.fc[0]), (of_second, self.gate.fc[2]):
            found[1:] = [] if layer.bias is None else found[1:]
        both: _Tensors = [(one[i] if i < len(one) else None) for one in (of_first, of_second) for i in (0, 1)]
        return self._rounding("pool").backward(averages, grad @ weight).contiguous(), both

    def _pools_raw(self) -> bool:
        """Whether the averages of its values are those of what the convolution made, scaled."""
        return self.gate is not None and "norm" not in self.points

    def _rounding(self, point: str) -> _Rounding:
        return self.roundings[point]

    def _map(self, values: _Values) -> Any:
        """For C; None where it is a 1×1 convolution."""
        conv = self.conv
        if conv.groups == 1:
            return None
        return (_SIZE * 5)(*values.shape[2:], conv.kernel_size[0], conv.stride[0], int(conv.padding[0]))


@dataclass
class _Result:
    """The values written out, and those of an earlier result (its place among all values) added to them."""

    shape: _Shape
    shortcut: int | None
    point: ActivationQuantizer | None  # where the sum is rounded
    look: bool
    rounding: _Rounding = field(default_factory=_Rounding)

    def forward(self, values: _Values, shortcut: Tensor | None) -> _Values:
        """The values as a tensor."""
        y = torch.empty(self.shape, memory_format=torch.channels_last)

        def written(rounding: _Rounding) -> Tensor:
            done = native.library().result(_by(values.source()), _pointer(shortcut), _by(rounding), y.data_ptr())
            _check(done)
            return y

        self.rounding = _met(self.point, (lambda: written(_Rounding())) if self.look else None)
        return _Values(self.shape, "none", written(self.rounding))


class Chain:
    """Steps from an input of that shape, (B, C, H, W) float32 with channels last; each takes what the last one made.

    look: whether the ranges of quantizers follow the values.
    """

    def __init__(self, shape: Sequence[int], *, look: bool = False) -> None:
        self.shape: Any = tuple(shape)
        self.look = look
        self.steps: list[_Stage | _Result] = []

    @property
    def is_written_out(self) -> bool:
        """Whether its values are there as a tensor."""
        return not self.steps or isinstance(self.steps[-1], _Result)

    def takes(self, conv: nn.Module, norm: nn.Module) -> bool:
        """Whether these two layers can be its next stage; their parameters and buffers are float32 on the CPU."""
        if not (
            isinstance(conv, nn.Conv2d) and type(conv).forward is nn.Conv2d.forward and type(norm) is nn.BatchNorm2d
        ):
            return False
        _, channels, height, width = self.shape
        kernel, stride, pad = conv.kernel_size[0], conv.stride[0], conv.padding[0]
        if not (
            isinstance(pad, int) and conv.kernel_size == (kernel, kernel) and conv.stride == (stride, stride)
            and conv.padding == (pad, pad) and conv.dilation == (1, 1) and conv.padding_mode == "zeros"
            and conv.bias is None and conv.in_channels == channels and conv.out_channels == norm.num_features
            and max(channels, conv.out_channels) <= MOST_CHANNELS and height * width <= LARGEST_MAP
        ):  # fmt: skip
            return False
        if conv.groups == 1:
            fits = kernel == stride == 1 and pad == 0
        else:
            gated = isinstance(last := self.steps and self.steps[-1], _Stage) and last.gate is not None
            fits = (
                conv.groups == channels == conv.out_channels and not gated
                and pad < kernel <= min(LARGEST_KERNEL, height + 2 * pad, width + 2 * pad)
            )  # fmt: skip
        return (
            fits and norm.training and norm.affine and norm.track_running_stats and norm.momentum is not None
            and len(self._behind(conv)) == 4 and _count(self._behind(conv)) > 1
        )  # fmt: skip

    def _behind(self, conv: nn.Conv2d) -> _Shape:
        batch, _, *size = self.shape
        rows, columns = ((n + 2 * int(conv.padding[0]) - conv.kernel_size[0]) // conv.stride[0] + 1 for n in size)
        return batch, conv.out_channels, rows, columns

    def add(
        self, conv: nn.Conv2d, norm: nn.BatchNorm2d, gate: SqueezeExcite | None = None, activation: str = "none",
        points: Mapping[str, ActivationQuantizer | None] = MappingProxyType({}),
    ) -> None:  # fmt: skip
        """These layers, which it takes, are its next stage. points: quantizers, by the names of `_Stage.points`."""
        self.shape = self._behind(conv)
        found = {name: point for name, point in points.items() if point is not None}
        self.steps.append(_Stage(conv, norm, self.shape, gate, activation, found, self.look))

    def write_out(self, shortcut: int | None = None, point: ActivationQuantizer | None = None) -> int:
        """Make the values those of a tensor; with a shortcut, the values that stood at that place before are added, and
        the sum is rounded. Returns the place.
        """
        if not self.is_written_out or shortcut is not None:
            self.steps.append(_Result(self.shape, shortcut, point, self.look))
        return len(self.steps)

    def __call__(self, x: Tensor) -> Tensor:
        self.write_out()
        stages = [step for step in self.steps if isinstance(step, _Stage)]
        counters: Any = [stage.norm.num_batches_tracked for stage in stages]
        torch._foreach_add_(counters, 1)
        parameters = [p for stage in stages for p in stage.parameters()]
        return _Run.apply(x, self.steps, *parameters)  # type: ignore[no-any-return, no-untyped-call]


class _Run(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, steps: list[_Stage | _Result], *parameters: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        values = [_Values((batch, channels, height, width), "none", x)]
        kept = list[_Tensors]()
        first = 0
        for step in steps:
            last = values[-1]
            if isinstance(step, _Stage):
                count = 3 if step.gate is None else 7
                made, keep = step.forward(last, parameters[first : first + count])
                first += count
            else:
                made, keep = step.forward(last, None if step.shortcut is None else values[step.shortcut].raw), []
            values.append(made)
            kept.append(keep)
        result = values.pop().raw
        tensors = [t for v in values for t in (v.raw, v.statistics, v.gate)] + [t for keep in kept for t in keep]
        ctx.save_for_backward(*tensors)
        ctx.steps, ctx.counts = steps, [len(keep) for keep in kept]
        ctx.values = [(v.shape, v.activation, (v.normed, v.gated, v.activated)) for v in values]
        return result

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Any, ...]:
        tensors = list(ctx.saved_tensors)
        values = [
            _Values(shape, activation, *tensors[3 * i : 3 * i + 3], *roundings)
            for i, (shape, activation, roundings) in enumerate(ctx.values)
        ]
        after = len(tensors)
        grads: _Tensors = [grad_outputs[0].contiguous(memory_format=torch.channels_last), None, None]
        of_parameters = list[Tensor | None]()
        added: dict[int, Tensor | None] = {}  # to the gradient of values, by their place
        for i in reversed(range(len(ctx.steps))):
            step, before = ctx.steps[i], values[i]
            kept = tensors[after - ctx.counts[i] : after]
            after -= ctx.counts[i]
            if isinstance(step, _Stage):
                needed = i > 0 or ctx.needs_input_grad[0]
                grads, found = step.backward(before, values[i + 1], kept, grads, added.get(i), needed=needed)
                of_parameters[:0] = found
            else:
                grad, grads = grads[0], before.empty()
                if step.rounding.step and grad is grad_outputs[0]:
                    grad = grad.clone()  # it is changed, and others may hold it
                shortcut = None
                if step.shortcut is not None:
                    added[step.shortcut], shortcut = grad, values[step.shortcut].raw
                where = _by(step.rounding), _pointer(grad), _by(_Gradient(*map(_pointer, grads)))
                _check(native.library().result_backward(_by(before.source()), _pointer(shortcut), *where))
        return grads[0], None, *of_parameters


def _count(shape: _Shape) -> int:
    return shape[0] * shape[2] * shape[3]


def _whole(channels: int) -> int:
    lanes: int = native.library().lanes()
    return -(-channels // lanes) * lanes


def _pointer(tensor: Tensor | None) -> int | None:
    return None if tensor is None else tensor.data_ptr()


def _call(suffix: str, shape: Any, source: _Source, weight: int, *rest: Any) -> None:
    pointers = [_by(one) if isinstance(one, ctypes.Structure) else one for one in rest]
    if shape is None:
        _check(getattr(native.library(), "pointwise" + suffix)(_by(source), weight, *pointers))
    else:
        _check(getattr(native.library(), "depthwise_stage" + suffix)(_by(source), shape, weight, *pointers))


def _check(done: int) -> None:
    if not done:
        raise MemoryError("no memory for a picture's values")
