"""Convolutions, each with the batch norm behind it, one after the other as one function in C (`kernels/chain.c`).

What a convolution makes is written to memory once, and its sums for the batch norm are taken while it is at hand. Batch
norm, gate and activation are done where the next convolution reads them; only what others see is written out.
"""

import ctypes
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn

from ..nets.layers import SqueezeExcite
from ..quant.activations import ActivationQuantizer, levels
from . import native
from .native import ACTIVATIONS, LARGEST_KERNEL, LARGEST_MAP, MOST_CHANNELS

_POINTER, _SIZE = ctypes.c_void_p, ctypes.c_size_t


class _Rounding(ctypes.Structure):
    _fields_ = [*((name, ctypes.c_float) for name in ("low", "high", "step", "inverse")), ("point", ctypes.c_int)]

    def follow(self, quantizer: ActivationQuantizer) -> None:
        """As the quantizer stands now."""
        step, zero_point = quantizer.scale_and_zero_point()
        self.low, self.high = ((end - zero_point) * step for end in levels(quantizer.bits))
        self.step, self.inverse = step, 1 / step


class _Source(ctypes.Structure):
    _fields_ = [
        *((name, _POINTER) for name in ("raw", "statistics", "gate")),
        *((name, _SIZE) for name in ("pictures", "pixels", "channels")),
        ("activation", ctypes.c_int),
        *((name, _Rounding) for name in ("normed", "gated", "activated")),
    ]


class _Norm(ctypes.Structure):
    _fields_ = [
        ("channels", _SIZE),
        *((name, _POINTER) for name in ("weight", "bias", "running_mean", "running_var")),
        *((name, ctypes.c_double) for name in ("momentum", "eps")),
        *((name, _POINTER) for name in ("raw", "statistics", "means")),
    ]


class _Excite(ctypes.Structure):
    _fields_ = [
        ("squeeze", _SIZE),
        *((name, _POINTER) for name in ("first_weight", "first_bias", "second_weight", "second_bias")),
        *((name, _Rounding) for name in ("pool", "first", "relu", "second", "excited")),
        *((name, _POINTER) for name in ("means", "averages", "sums", "indices")),
        *((name, _POINTER) for name in ("grad_first", "grad_first_bias", "grad_second", "grad_second_bias")),
    ]


class _Step(ctypes.Structure):
    """See `step_t` in kernels/chain.c."""

    _fields_ = [
        ("kind", ctypes.c_int),
        *((name, _SIZE) for name in ("height", "width", "kernel", "stride", "padding")),
        ("weight", _POINTER),
        ("norm", _Norm),
        ("excite", _Excite),
        ("shortcut", _SIZE),
        ("sum", _Rounding),
        ("made", _Source),
        *((name, _POINTER) for name in ("grad_weight", "grad_norm_weight", "grad_norm_bias")),
    ]


KINDS = ("input", "pointwise", "depthwise", "convolution", "result")  # in the order of the enum in kernels/chain.c
_FEW = 4  # channels, as those of pictures; with more the library is as fast
_NOWHERE = ctypes.c_size_t(-1).value
_LOOK = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_float, ctypes.c_float, ctypes.POINTER(_Rounding))

_Shape = tuple[int, int, int, int]  # batch, channels, height, width
_Point = tuple[ActivationQuantizer, _Rounding]


@dataclass
class _Stage:
    """A convolution, its batch norm, and what may follow: squeeze-and-excite, an activation.

    before, shape: of what it takes and makes.
    points: where what is behind each is rounded, by the name: "norm", "gate", "activation", and within
        squeeze-and-excite "pool", "first", "relu", "second" and "excited".
    """

    conv: nn.Conv2d
    norm: nn.BatchNorm2d
    before: _Shape
    shape: _Shape
    gate: SqueezeExcite | None
    activation: str
    points: dict[str, ActivationQuantizer]

    def parameters(self) -> list[Tensor | None]:
        found: list[Tensor | None] = [self.conv.weight, self.norm.weight, self.norm.bias]
        if self.gate is not None:
            for layer in (self.gate.fc[0], self.gate.fc[2]):
                found += layer.weight, layer.bias  # type: ignore[arg-type]
        return found

    def write(self, step: _Step) -> list[_Point]:
        """What is the same in each run."""
        conv = self.conv
        step.kind = KINDS.index(_kind(conv))
        step.height, step.width = self.before[2:]
        step.kernel, step.stride, step.padding = conv.kernel_size[0], conv.stride[0], int(conv.padding[0])
        step.made.activation = ACTIVATIONS.index(self.activation)
        step.excite.squeeze = 0 if self.gate is None else len(self.gate.fc[0].weight)  # type: ignore[arg-type]
        places = {"norm": step.made.normed, "gate": step.made.gated, "activation": step.made.activated}
        return [
            (quantizer, places[name] if name in places else getattr(step.excite, name))
            for name, quantizer in self.points.items()
        ]

    def point_at(self, step: _Step, parameters: Sequence[Tensor | None]) -> None:
        """The tensors of a run."""
        pointers = [*map(_pointer, parameters)]
        step.weight, norm = pointers[0], step.norm
        norm.weight, norm.bias, norm.momentum, norm.eps = *pointers[1:3], self.norm.momentum, self.norm.eps
        norm.running_mean, norm.running_var = _pointer(self.norm.running_mean), _pointer(self.norm.running_var)
        if self.gate is not None:
            excite = step.excite
            excite.first_weight, excite.first_bias, excite.second_weight, excite.second_bias = pointers[3:]

    def point_back(self, step: _Step, grads: Sequence[Tensor | None]) -> None:
        """The gradients of a run."""
        pointers = [*map(_pointer, grads)]
        step.grad_weight, step.grad_norm_weight, step.grad_norm_bias = pointers[:3]
        if self.gate is not None:
            excite = step.excite
            excite.grad_first, excite.grad_first_bias, excite.grad_second, excite.grad_second_bias = pointers[3:]


@dataclass
class _Result:
    """The values written out, and those of an earlier result (its place among all values) added to them."""

    shape: _Shape
    shortcut: int | None
    point: ActivationQuantizer | None  # where the sum is rounded

    def write(self, step: _Step) -> list[_Point]:
        """What is the same in each run."""
        step.kind = KINDS.index("result")
        step.shortcut = _NOWHERE if self.shortcut is None else self.shortcut
        return [] if self.point is None else [(self.point, step.sum)]


class Chain:
    """Steps from an input of that shape, (B, C, H, W) float32 with channels last; each takes what the last one made.

    It is made once, and then called as often as its layers stay as they are.
    """

    def __init__(self, shape: Sequence[int]) -> None:
        self.input_shape: Any = tuple(shape)
        self.shape: Any = tuple(shape)
        self.steps: list[_Stage | _Result] = []
        self._written: Any = None  # the steps for C, when all are there
        self._points: list[_Point] = []
        self._ranges: list[float] = []  # as the roundings follow them

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
        kind = _kind(conv)
        gated = isinstance(last := self.steps and self.steps[-1], _Stage) and last.gate is not None
        if kind == "depthwise" and (gated or not conv.groups == channels == conv.out_channels):
            return False
        if kind == "convolution" and channels > _FEW:
            return False
        return (
            pad < kernel <= min(LARGEST_KERNEL, height + 2 * pad, width + 2 * pad)
            and norm.training and norm.affine and norm.track_running_stats and norm.momentum is not None
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
        before, self.shape = self.shape, self._behind(conv)
        found = {name: point for name, point in points.items() if point is not None}
        self.steps.append(_Stage(conv, norm, before, self.shape, gate, activation, found))

    def write_out(self, shortcut: int | None = None, point: ActivationQuantizer | None = None) -> int:
        """Make the values those of a tensor; with a shortcut, the values that stood at that place before are added, and
        the sum is rounded. Returns the place.
        """
        if not self.is_written_out or shortcut is not None:
            self.steps.append(_Result(self.shape, shortcut, point))
        return len(self.steps)

    def parameters(self) -> list[Tensor | None]:
        """Of its stages, in turn: `parameters` of each."""
        return [p for step in self.steps if isinstance(step, _Stage) for p in step.parameters()]

    def __call__(self, x: Tensor, parameters: Sequence[Tensor | None], *, look: bool = False) -> Tensor:
        """What the steps make of `x`. look: whether the ranges of quantizers follow the values."""
        counters: Any = [step.norm.num_batches_tracked for step in self.steps if isinstance(step, _Stage)]
        torch._foreach_add_(counters, 1)
        return _Run.apply(x, self, look, *parameters)  # type: ignore[no-any-return, no-untyped-call]

    def written(self) -> Any:
        """The steps for C, of which each run has its own."""
        if self._written is None:
            self.write_out()
            self._written = (_Step * (1 + len(self.steps)))()
            for step, shape in zip(
                self._written, (self.input_shape, *(step.shape for step in self.steps)), strict=True
            ):
                step.made.pictures, step.made.channels, step.made.pixels = shape[0], shape[1], shape[2] * shape[3]
            for step, described in zip(self._written[1:], self.steps, strict=True):
                self._points += described.write(step)
            for number, (_, rounding) in enumerate(self._points, 1):
                rounding.point = number
        ranges = [end for quantizer, _ in self._points for end in (quantizer.low, quantizer.high)]
        if ranges and (now := torch.stack(ranges).tolist()) != self._ranges:
            self._ranges = now
            for quantizer, rounding in self._points:
                rounding.follow(quantizer)
        return type(self._written).from_buffer_copy(self._written)

    def looker(self, failures: list[BaseException]) -> Any:
        """What C calls with the lowest and the highest value at a point; it cannot fail, so failures are handed on."""

        def look(point: int, low: float, high: float, to: Any) -> None:
            try:
                quantizer, _ = self._points[point - 1]
                quantizer.observe(torch.tensor([low, high]))
                to.contents.follow(quantizer)
            except BaseException as failure:
                failures.append(failure)

        return _LOOK(look)


class _Run(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, chain: Chain, look: bool, *tensors: Tensor | None) -> Tensor:
        parameters = [None if p is None else p.contiguous() for p in tensors]
        steps, floats, library = chain.written(), _SIZE(), native.library()
        library.chain_room(steps, len(steps), None, ctypes.byref(floats))
        room, y = x.new_empty(floats.value), torch.empty(chain.shape, memory_format=torch.channels_last)
        library.chain_room(steps, len(steps), room.data_ptr(), ctypes.byref(floats))
        steps[0].made.raw, steps[-1].made.raw = x.data_ptr(), y.data_ptr()
        for stage, step, own in _stages(chain, steps, parameters):
            stage.point_at(step, own)
        failures = list[BaseException]()
        _check(library.chain_forward(steps, len(steps), chain.looker(failures) if look else None))
        if failures:
            raise failures[0]
        ctx.save_for_backward(x, room, *parameters)
        ctx.chain, ctx.steps = chain, steps
        return y

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Any, ...]:
        x, _, *parameters = ctx.saved_tensors
        chain, steps, (of_x, _, _, *wanted) = ctx.chain, ctx.steps, ctx.needs_input_grad
        grad_y, grad_x = grad_outputs[0].contiguous(memory_format=torch.channels_last), None
        if of_x:
            grad_x = torch.empty_like(x)
        grads = [
            torch.empty_like(p, memory_format=torch.contiguous_format) if want else None
            for p, want in zip(parameters, wanted, strict=True)
        ]
        for stage, step, own in _stages(chain, steps, grads):
            stage.point_back(step, own)
        _check(native.library().chain_backward(steps, len(steps), grad_y.data_ptr(), _pointer(grad_x)))
        return grad_x, None, None, *grads


def _stages(
    chain: Chain, steps: Any, tensors: Sequence[Tensor | None]
) -> Iterator[tuple[_Stage, Any, Sequence[Tensor | None]]]:
    """The stages, each with its step for C and its part of the tensors."""
    first = 0
    for stage, step in zip(chain.steps, steps[1:], strict=True):
        if isinstance(stage, _Stage):
            count = 3 if stage.gate is None else 7
            yield stage, step, tensors[first : first + count]
            first += count


def _kind(conv: nn.Conv2d) -> str:
    """Its name among the steps."""
    if conv.groups > 1:
        return "depthwise"
    return "pointwise" if conv.kernel_size[0] == conv.stride[0] == 1 else "convolution"


def _count(shape: _Shape) -> int:
    return shape[0] * shape[2] * shape[3]


def _pointer(tensor: Tensor | None) -> int | None:
    return None if tensor is None else tensor.data_ptr()


def _check(done: int) -> None:
    if not done:
        raise MemoryError("no memory for a picture's values")
