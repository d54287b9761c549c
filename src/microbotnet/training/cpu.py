"""Operators that a training step on a CPU computes faster than the library does, with the same results.

Where a C compiler works and torch computes with one thread (`native.py`):

- 1×1 and depthwise convolutions, and those of pictures, with the batch norm behind them, squeeze-and-excite,
  activations and the shortcuts of bottlenecks, as long as one follows the other (`chain.py`);
- other batch norms, in one with the activation behind them.

And always:

- the weight gradient of any other depthwise convolution of 5×5 or more on a small map. On processors without AVX-512
  the library's takes longer than the rest of the step. The products of every input pixel with every output pixel,
  summed over the batch, are one small matrix product per channel; the gradient of each tap is the sum of those that
  the tap connects.
- a 1×1 convolution on a map of 2×2 or less, which is one matrix product of the pixels as they lie in memory;
- the global average, whose gradient the library writes out for every pixel.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache, wraps
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import _get_current_function_mode_stack, handle_torch_function, has_torch_function

from ..nets.layers import SqueezeExcite
from ..nets.microbotnet import Bottleneck
from ..quant.activations import ActivationQuantizer, Run
from . import native
from .chain import Chain

# Input pixels; above them the library is as fast.
_LARGEST_DEPTHWISE, _LARGEST_POINTWISE = 64, 4

_ACTIVATIONS = {nn.ReLU: "relu", nn.ReLU6: "relu6", nn.Hardswish: "hardswish"}
_CALLED = {"relu": "relu", "relu6": "hardtanh", "hardswish": "hardswish"}  # by these layers, of torch's functions

# What layers call, each with its result's name among a stage's roundings; "" is not rounded in a chain.
_NORMED = ("conv2d", ""), ("batch_norm", "norm")
_EXCITED = (
    ("adaptive_avg_pool2d", "pool"), ("flatten", ""), ("linear", "first"), ("relu", "relu"), ("linear", "second"),
    ("hardsigmoid", "excited"), ("__getitem__", ""), ("mul", "gate"),
)  # fmt: skip

_library_conv2d, _library_pool, _library_batch_norm = F.conv2d, F.adaptive_avg_pool2d, F.batch_norm
_library_in_turn = nn.Sequential.forward


class faster_on_cpu:
    """Within this context functions of `torch.nn.functional`, and sequences of layers, take the short ways above.

    They apply to float32 on a CPU outside autocast. Everything else goes to the library. One that is entered again
    remembers its chains, and with them the layers.
    """

    def __init__(self) -> None:
        self._chains: dict[tuple[nn.Module, torch.Size], _Chained] = {}

    def __enter__(self) -> None:
        F.conv2d = _whole(_conv2d, _library_conv2d)
        F.adaptive_avg_pool2d = _whole(_adaptive_avg_pool2d, _library_pool)
        F.batch_norm = _whole(_batch_norm, _library_batch_norm)
        nn.Sequential.forward = lambda sequence, input: _in_turn(sequence, input, self._chains)  # type: ignore[method-assign]

    def __exit__(self, *failure: object) -> None:
        F.conv2d, F.adaptive_avg_pool2d, F.batch_norm = _library_conv2d, _library_pool, _library_batch_norm
        nn.Sequential.forward = _library_in_turn  # type: ignore[method-assign]


@lru_cache
def multiplies_bfloat16() -> bool:
    """Whether this machine's processor has instructions for it; without them bfloat16 is slower than float32."""
    found = torch.cpu.get_capabilities()
    return any(found.get(name, False) for name in ("avx512_bf16", "amx_bf16"))


def _whole(function: Callable[..., Tensor], library: Any) -> Callable[..., Tensor]:
    """`function`, seen by modes that watch torch's functions as one call of `library`, whatever it calls in turn."""

    @wraps(library)
    def call(input: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if has_torch_function((input,)):
            return handle_torch_function(call, (input,), input, *args, **kwargs)
        return function(input, *args, **kwargs)

    return call


def _plain(*tensors: Tensor) -> bool:
    return all(t.device.type == "cpu" and t.dtype == torch.float32 for t in tensors) and not torch.is_autocast_enabled(
        "cpu"
    )


def _conv2d(
    x: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
    groups: int = 1,
) -> Tensor:  # fmt: skip
    kernel = weight.shape[-1]
    if x.ndim == 4 and weight.shape[-2] == kernel and _plain(x, weight):
        steps, border, pixels = _both(stride), _both(padding), x.shape[-2:].numel()
        if (
            groups == len(weight) == x.shape[1] > 1 and kernel > 3 and pixels <= _LARGEST_DEPTHWISE
            and bias is None and steps is not None and border is not None and _both(dilation) == 1
        ):  # fmt: skip
            return _DepthwiseConv2d.apply(x, weight, steps, border)  # type: ignore[no-any-return, no-untyped-call]
        if (
            kernel == steps == groups == 1 and border == 0 and pixels <= _LARGEST_POINTWISE
            and x.is_contiguous(memory_format=torch.channels_last)
        ):  # fmt: skip
            return F.linear(x.permute(0, 2, 3, 1), weight.flatten(1), bias).permute(0, 3, 1, 2)
    return _library_conv2d(x, weight, bias, stride, padding, dilation, groups)


def _batch_norm(
    x: Tensor, running_mean: Tensor | None, running_var: Tensor | None, weight: Tensor | None = None,
    bias: Tensor | None = None, training: bool = False, momentum: float = 0.1, eps: float = 1e-5,
) -> Tensor:  # fmt: skip
    if (
        training and running_mean is not None and running_var is not None and weight is not None and bias is not None
        and native.in_use() and _plain(x, running_mean, running_var, weight, bias) and native.normalises(x)
    ):  # fmt: skip
        return native.batch_norm(x, running_mean, running_var, weight, bias, momentum, eps)
    return _library_batch_norm(x, running_mean, running_var, weight, bias, training, momentum, eps)


@dataclass
class _Chained:
    """A chain of the first of some layers, and those that remain.

    state: of the layers, as `_state`; while it is the same the chain holds. calls: of torch's functions, which it makes
    unnecessary.
    """

    state: list[Any]
    chain: Chain
    rest: list[Any]
    calls: int


def _in_turn(self: nn.Sequential, input: Any, chains: dict[tuple[nn.Module, torch.Size], _Chained]) -> Any:
    """`nn.Sequential.forward`, with convolutions, batch norms, gates and activations done together where they follow
    each other.
    """
    modes = _get_current_function_mode_stack()  # type: ignore[no-untyped-call]
    run = modes[0] if len(modes) == 1 and isinstance(modes[0], Run) else None
    if (modes and run is None) or not native.in_use():  # whoever watches is shown each
        return _library_in_turn(self, input)  # type: ignore[no-untyped-call]
    x, layers = input, _layers(self)
    while layers:
        with torch._C.DisableTorchFunction():
            done = _done_by_chain(x, layers, run, chains)
        if done is not None:
            x, layers = done
            continue
        layer, *layers = layers
        activation = _ACTIVATIONS.get(type(layers[0])) if layers and not _watched(layer, layers[0]) else None
        if activation is not None and run is None and _takes_batch_norm(layer, x):
            layers.pop(0)
            layer.num_batches_tracked.add_(1)
            statistics = layer.running_mean, layer.running_var
            x = native.batch_norm(x, *statistics, layer.weight, layer.bias, layer.momentum, layer.eps, activation)
        else:
            x = layer(x)
    return x


def _done_by_chain(
    x: Any, layers: list[Any], run: Run | None, chains: dict[tuple[nn.Module, torch.Size], _Chained]
) -> tuple[Tensor, list[Any]] | None:
    """What as many of the first layers as a chain takes make of `x`, and the others; None if it takes none."""
    if not (isinstance(x, Tensor) and x.ndim == 4 and x.is_contiguous(memory_format=torch.channels_last) and _plain(x)):
        return None
    key = layers[0], x.shape
    kept = chains.get(key)
    parameters = kept.chain.parameters() if kept and kept.state == _state(layers, run) else []
    if kept is None or not parameters or not _plain(*(p for p in parameters if p is not None)):
        chain, calls = Chain(x.shape), list[str]()
        rest = _chained(chain, layers, run, calls)
        if not chain.steps:
            return None
        chains[key] = kept = _Chained(_state(layers, run), chain, rest, len(calls))
        parameters = chain.parameters()
    y = kept.chain(x, parameters, look=run is not None and run.look)
    if run is not None:
        run.did(kept.calls, y)
    return y, kept.rest


def _state(layers: Iterable[Any], run: Run | None) -> list[Any]:
    """What may change from step to step and decides what a chain takes."""
    found: list[Any] = [] if run is None else [run.quantizers, run.count, run.quantizers.watch]
    waiting = [*layers]
    while waiting:
        layer = waiting.pop()
        if layer is not None:
            found += layer, layer.training, _watched(layer), layer.__dict__.get("momentum")
            if "parametrizations" not in layer._modules:  # how a weight comes about does not matter
                waiting += layer._modules.values()
    return found


def _layers(sequence: nn.Sequential) -> list[Any]:
    return [layer for layer in sequence if type(layer) is not nn.Identity or _watched(layer)]


def _chained(chain: Chain, layers: list[Any], run: Run | None, calls: list[str]) -> list[Any]:
    """What remains of the layers when the chain has taken as many of the first as it can.

    run: whose quantizers are at work. calls: of torch's functions, which the chain makes unnecessary; they are added.
    """
    while layers:
        first: Any
        first, *rest = layers
        if _watched(first):
            break
        if type(first) is nn.Sequential or (type(first) is Bottleneck and first.pool is None):
            begun, shape, called = len(chain.steps), chain.shape, len(calls)
            block = first if type(first) is Bottleneck else None
            inner: Any = first if block is None else block.conv
            start = chain.write_out() if block and block.shortcut else None
            left = _watched(inner) or _has_block(inner) or _chained(chain, _layers(inner), run, calls)
            sums = ["add"] if start is not None else []
            points = None if left else _points(run, calls, sums)
            if points is None:
                del chain.steps[begun:], calls[called:]
                chain.shape = shape
                break
            if start is not None:
                chain.write_out(start, *points)
            calls += sums
            layers = rest
        elif rest and not _watched(rest[0]) and chain.takes(first, rest[0]) and _have_plain(first, rest[0]):
            norm, *rest = rest
            gate = rest.pop(0) if rest and _is_chained(rest[0]) else None
            activation = _ACTIVATIONS.get(type(rest[0])) if rest and not _watched(rest[0]) else None
            if activation:
                rest.pop(0)
            names = [
                *_NORMED,
                *(_EXCITED if gate else ()),
                *(((_CALLED[activation], "activation"),) if activation else ()),
            ]
            functions = [function for function, _ in names]
            points = _points(run, calls, functions)
            if points is None:
                break
            behind = {name: point for (_, name), point in zip(names, points, strict=True)}
            if behind.pop("", None) is not None:
                break
            chain.add(first, norm, gate, activation or "none", behind)
            calls += functions
            layers = rest
        else:
            break
    return layers


def _points(run: Run | None, calls: list[str], functions: list[str]) -> list[ActivationQuantizer | None] | None:
    """The quantizers behind these calls of torch's functions, which come after `calls`; None if others are expected."""
    return [None] * len(functions) if run is None else run.ahead(len(calls), functions)


def _has_block(layers: nn.Module) -> bool:
    """A chain has no shortcut within a shortcut."""
    return any(type(layer) is Bottleneck for layer in layers.modules())


def _have_plain(conv: Any, norm: Any) -> bool:
    return _plain(conv.weight, norm.weight, norm.running_mean)


def _is_chained(gate: Any) -> bool:
    if type(gate) is not SqueezeExcite:
        return False
    layers: list[Any] = list(gate.fc)
    return (
        type(layers[3]) is nn.Hardsigmoid and not _watched(gate, gate.pool, gate.fc, *layers)
        and _plain(layers[0].weight, layers[2].weight)
    )  # fmt: skip


def _takes_batch_norm(layer: Any, x: Tensor) -> bool:
    kind: Any = type(layer)
    return bool(
        kind is nn.BatchNorm2d and layer.training and layer.affine and layer.track_running_stats
        and layer.momentum is not None and _plain(x, layer.weight, layer.running_mean) and native.normalises(x)
    )  # fmt: skip


def _watched(*layers: nn.Module) -> bool:
    """Whether hooks want to see what goes in or out."""
    for layer in layers:
        if layer._forward_hooks or layer._forward_pre_hooks or layer._backward_hooks or layer._backward_pre_hooks:
            return True
    return False


def _adaptive_avg_pool2d(x: Tensor, output_size: Any) -> Tensor:
    if x.ndim == 4 and _both(output_size) == 1 and _plain(x):
        return x.sum((2, 3), keepdim=True) / x.shape[-2:].numel()
    return _library_pool(x, output_size)


def _both(value: Any) -> int | None:
    """The number that holds for both axes, or None where they differ or it is a word."""
    if isinstance(value, int):
        return value
    return value[0] if not isinstance(value, str) and value[0] == value[-1] else None


@lru_cache
def _taps(height: int, width: int, kernel: int, stride: int, padding: int) -> Tensor:
    """(input pixels · output pixels, kernel²) float32: 1 where a tap connects the two pixels."""
    taps = torch.eye(kernel * kernel).reshape(kernel * kernel, 1, kernel, kernel)
    pixels = torch.eye(height * width).reshape(height * width, 1, height, width)
    connected = _library_conv2d(pixels, taps, stride=stride, padding=padding)
    return connected.permute(0, 2, 3, 1).reshape(-1, kernel * kernel)


def _by_channel(x: Tensor) -> Tensor:
    """(B, C, H, W) to (C, B, H · W); from channels-last memory it is one matrix transposed, the fastest of copies."""
    batch, channels, height, width = x.shape
    return x.permute(0, 2, 3, 1).reshape(-1, channels).t().contiguous().reshape(channels, batch, height * width)


class _DepthwiseConv2d(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride, ctx.padding = stride, padding
        return _library_conv2d(x, weight, None, stride, padding, 1, len(weight))

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        (grad,) = grad_outputs
        x, weight = ctx.saved_tensors
        channels, (height, width) = len(weight), x.shape[2:]
        grad_x = grad_weight = None
        if ctx.needs_input_grad[0]:
            stride, padding = [ctx.stride] * 2, [ctx.padding] * 2
            grad_x, _, _ = torch.ops.aten.convolution_backward(
                grad, x, weight, None, stride, padding, [1, 1], False, [0, 0], channels, [True, False, False]
            )
        if ctx.needs_input_grad[1]:
            products = torch.bmm(_by_channel(x).mT, _by_channel(grad)).reshape(channels, -1)
            taps = _taps(height, width, weight.shape[-1], ctx.stride, ctx.padding)
            grad_weight = torch.empty_like(weight).copy_((products @ taps).reshape(weight.shape))
        return grad_x, grad_weight, None, None
