"""BinaryNet: activations of ±1, as published (Hubara et al. 2016, arXiv 1602.02830) and as on a chip.

The chip is Bankman et al. 2019, 28 nm mixed-signal, 3.8 µJ a picture (doi 10.1109/JSSC.2018.2869150). The weights
here are plain floats: a quantizer put on from outside makes them ±1, as it would those of any other network.
`microbotnet train binarynet --net binarynet-chip --policy with-stem --quantizer binary` trains it so.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from .layers import make_divisible
from .registry import register_net


class Row(NamedTuple):
    """One convolution; a 2×2 max pool may follow it."""

    kernel: int
    padding: int
    filters: int
    pool: bool


ORIGINAL = [
    Row(3, 1, 128, False),
    Row(3, 1, 128, True),
    Row(3, 1, 256, False),
    Row(3, 1, 256, True),
    Row(3, 1, 512, False),
    Row(3, 1, 512, True),
]

# Eight times 256 filters of 2×2×256 are the paper's. That none is padded and where the pools stand is our reading:
# it ends in 4×4×256, which the linear layer's 5.5 kB ask for.
CHIP = [
    Row(2, 0, 256, False),
    Row(2, 0, 256, False),
    Row(2, 0, 256, False),
    Row(2, 0, 256, True),
    Row(2, 0, 256, False),
    Row(2, 0, 256, True),
    Row(2, 0, 256, False),
    Row(2, 0, 256, False),
]


class _SignStraightThrough(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return torch.copysign(torch.ones((), dtype=x.dtype, device=x.device), x)

    @staticmethod
    def backward(ctx: Any, *grad: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return torch.ops.aten.hardtanh_backward(grad[0], x, -_ABOVE_1, _ABOVE_1)  # type: ignore[no-any-return]


_ABOVE_1 = 1 + 2**-23  # the gradient of a clipped weight, exactly 1, is kept; ATen's bound is left out


def sign(x: Tensor) -> Tensor:
    """+1 where the input is ≥ 0, else −1 (−0 too); its gradient is that of clipping to −1…1 (section 1.3)."""
    return _SignStraightThrough.apply(x)  # type: ignore[no-any-return, no-untyped-call]


class Sign(nn.Module):
    """`sign` as a layer.

    Shape: any float tensor in, the same shape and dtype out.
    """

    def forward(self, x: Tensor) -> Tensor:
        return sign(x)


class Thermometer(nn.Module):
    """Write each pixel as ±1 channels: the k-th of a colour is +1 where the colour is at least the k-th level.

    Red, green and blue get a third of the channels each; the one or two left over are always +1. The levels divide
    −2.5…2.5 evenly, the range of normalised pixels. That the chip codes its 7-bit pixels so is our reading.

    Shape: (N, 3, H, W) float in, (N, channels, H, W) of ±1 out. No gradient reaches the pixels.
    """

    levels: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.spare = channels % 3
        self.register_buffer("levels", torch.linspace(-2.5, 2.5, channels // 3 + 2)[1:-1, None, None])

    def forward(self, x: Tensor) -> Tensor:
        code = sign(x[:, :, None] - self.levels).flatten(1, 2)
        return functional.pad(code, (0, 0, 0, 0, 0, self.spare), value=1.0)


class BinaryNet(nn.Module):
    """Convolution, pool, batch norm, sign; then linear, batch norm, sign, without the last sign.

    Initialisation as in the published code: weights uniform in −1…1, which a binary quantizer reads the signs of.

    Args:
        encode: what makes the first convolution's input from the pictures.
        inputs: channels that it gives.
        rows: `ORIGINAL` or `CHIP`.
        linears: outputs of the linears before the last.
        spare: outputs of the last linear that are dropped, besides the classes.
        num_classes: what is left.
        input_size: side of the pictures in pixels; the linears depend on it.

    Shape: (N, 3, input_size, input_size) float32, normalised, to (N, num_classes) logits.
    """

    def __init__(
        self,
        encode: nn.Module,
        inputs: int,
        rows: list[Row],
        linears: list[int],
        *,
        spare: int = 0,
        num_classes: int = 10,
        input_size: int = 32,
    ) -> None:
        super().__init__()
        self.encode = encode
        self.num_classes = num_classes
        layers: list[nn.Module] = []
        channels, side = inputs, input_size
        for row in rows:
            layers.append(nn.Conv2d(channels, row.filters, row.kernel, padding=row.padding, bias=False))
            layers += [nn.MaxPool2d(2)] if row.pool else []
            layers += [nn.BatchNorm2d(row.filters, eps=1e-4), Sign()]
            channels = row.filters
            side = (side + 2 * row.padding - row.kernel + 1) // (2 if row.pool else 1)
        self.features = nn.Sequential(*layers)
        features = channels * max(side, 1) ** 2
        layers = []
        for outputs in linears:
            layers += [nn.Linear(features, outputs, bias=False), nn.BatchNorm1d(outputs, eps=1e-4), Sign()]
            features = outputs
        self.classifier = nn.Sequential(*layers, nn.Linear(features, num_classes + spare, bias=False))
        self.norm = nn.BatchNorm1d(num_classes, eps=1e-4)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.uniform_(module.weight, -1, 1)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.features(self.encode(x))
        y = self.classifier(y.flatten(1))
        return self.norm(y[:, : self.num_classes])  # type: ignore[no-any-return]


@register_net("binarynet-chip")
def chip(*, num_classes: int = 10, width: float = 1.0, input_size: int = 32) -> BinaryNet:
    """BinaryNet as on the 3.8 µJ chip: eight convolutions of 2×2 on 256 channels of ±1."""
    channels = make_divisible(256 * width)
    rows = [row._replace(filters=channels) for row in CHIP]
    # 5.5 kB of linear weights are eleven rows of 4×4×256 bits: one more than CIFAR-10 has classes. What the chip
    # uses it for is not known here, so it is kept for the memory's sake and its output dropped.
    return BinaryNet(Thermometer(channels), channels, rows, [], spare=1, num_classes=num_classes, input_size=input_size)


@register_net("binarynet")
def original(*, num_classes: int = 10, input_size: int = 32) -> BinaryNet:
    """BinaryNet as published for CIFAR-10: activations of ±1, three large linear layers."""
    return BinaryNet(nn.Identity(), 3, ORIGINAL, [1024, 1024], num_classes=num_classes, input_size=input_size)
