"""Convolutions, each with the batch norm behind it, one after the other as one function in C (`kernels/stage.h`).

What a convolution makes is written to memory once, and its sums for the batch norm are taken while it is at hand. Batch
norm, gate and activation are done where the next convolution reads them; only what others see is written out.
"""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..nets.layers import SqueezeExcite
from . import native
from .native import ACTIVATIONS, LARGEST_KERNEL, LARGEST_MAP, MOST_CHANNELS

_POINTER, _SIZE, _by = ctypes.c_void_p, ctypes.c_size_t, ctypes.byref


class _Source(ctypes.Structure):
    _fields_ = [(name, _POINTER) for name in ("raw", "statistics", "gate")] + [
        *((name, _SIZE) for name in ("pictures", "pixels", "channels")),
        ("activation", ctypes.c_int),
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

    def source(self) -> _Source:
        batch, channels, height, width = self.shape
        pointers = _pointer(self.raw), _pointer(self.statistics), _pointer(self.gate)
        return _Source(*pointers, batch, height * width, channels, ACTIVATIONS.index(self.activation))

    def empty(self) -> _Tensors:
        """Room for the gradient of each tensor."""
        return [None if t is None else torch.empty_like(t) for t in (self.raw, self.statistics, self.gate)]


@dataclass
class _Stage:
    """A convolution, its batch norm, and what may follow: squeeze-and-excite, an activation."""

    conv: nn.Conv2d
    norm: nn.BatchNorm2d
    shape: _Shape  # of what it makes
    gate: SqueezeExcite | None = None
    activation: str = "none"

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
        means = None if self.gate is None else values.raw.new_empty(batch, room)
        wanted = _Norm(
            outputs, norm_weight.data_ptr(), norm_bias.data_ptr(), _pointer(norm.running_mean),
            _pointer(norm.running_var), norm.momentum, norm.eps, made.data_ptr(), about.data_ptr(), _pointer(means),
        )  # fmt: skip
        _call("", self._map(values), values.source(), weight.data_ptr(), wanted)
        here = _Values(self.shape, self.activation, made, about)
        if means is None:
            return here, [weight]
        averages = torch.addcmul(about[3], means, about[2])[:, :outputs]
        squeezed = F.relu(F.linear(averages, *excite[:2]), inplace=True)
        index = F.linear(squeezed, *excite[2:])
        here.gate = F.hardsigmoid(index)
        return here, [weight, means, averages, squeezed, index, excite[0], excite[2]]

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
            _, means, averages, squeezed, index, first, second = kept
            of_index = torch.ops.aten.hardsigmoid_backward(grad_gate, index)
            of_squeezed = torch.ops.aten.threshold_backward(of_index @ second, squeezed, 0)
            grad_means = of_squeezed @ first
            for of_sum, inputs, layer in (of_squeezed, averages, 0), (of_index, squeezed, 2):
                bias = self.gate.fc[layer].bias  # type: ignore[union-attr]
                of_excite += of_sum.T @ inputs, None if bias is None else of_sum.sum(0)
        norm, grad_weight = weight.new_empty(2, len(weight)), torch.empty_like(weight)
        behind = _Behind(
            len(weight), _pointer(made.raw), _pointer(made.statistics), _pointer(means), _pointer(grad),
            _pointer(grad_about), _pointer(grad_means), norm[0].data_ptr(), norm[1].data_ptr(),
        )  # fmt: skip
        to: _Tensors = values.empty() if needed else [None, None, None]
        where = _Gradient(*map(_pointer, to), _pointer(added))
        _call("_backward", self._map(values), values.source(), weight.data_ptr(), behind, where, grad_weight.data_ptr())
        return to, [grad_weight, norm[0], norm[1], *of_excite]

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
    shortcut: int | None = None


class Chain:
    """Steps from an input of that shape, (B, C, H, W) float32 with channels last; each takes what the last one made."""

    def __init__(self, shape: Sequence[int]) -> None:
        self.shape: Any = tuple(shape)
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

    def add(self, conv: nn.Conv2d, norm: nn.BatchNorm2d, gate: SqueezeExcite | None, activation: str) -> None:
        """These layers, which it takes, are its next stage."""
        self.shape = self._behind(conv)
        self.steps.append(_Stage(conv, norm, self.shape, gate, activation))

    def write_out(self, shortcut: int | None = None) -> int:
        """Make the values those of a tensor, with the ones added that stood at a place before; returns their place."""
        if not self.is_written_out or shortcut is not None:
            self.steps.append(_Result(self.shape, shortcut))
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
                made, keep = _Values(step.shape, "none", torch.empty(step.shape, memory_format=torch.channels_last)), []
                shortcut = None if step.shortcut is None else values[step.shortcut].raw
                _check(native.library().result(_by(last.source()), _pointer(shortcut), made.raw.data_ptr()))
            values.append(made)
            kept.append(keep)
        result = values.pop().raw
        tensors = [t for v in values for t in (v.raw, v.statistics, v.gate)] + [t for keep in kept for t in keep]
        ctx.save_for_backward(*tensors)
        ctx.steps, ctx.counts = steps, [len(keep) for keep in kept]
        ctx.values = [(v.shape, v.activation) for v in values]
        return result

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Any, ...]:
        tensors = list(ctx.saved_tensors)
        values = [_Values(*value, *tensors[3 * i : 3 * i + 3]) for i, value in enumerate(ctx.values)]
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
                if step.shortcut is not None:
                    added[step.shortcut] = grads[0]
                to = before.empty()
                _check(
                    native.library().result_backward(
                        _by(before.source()), _pointer(grads[0]), _by(_Gradient(*map(_pointer, to)))
                    )
                )
                grads = to
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
