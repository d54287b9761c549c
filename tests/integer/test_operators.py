"""Small networks with one everyday operator each: nearly all become programs that agree with PyTorch, operator by
operator; the rest is refused with its place in the network's code and a way out."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from microbotnet import trace
from microbotnet.cost.describe import explain
from microbotnet.cost.profile import profile
from microbotnet.data.augment import Batches
from microbotnet.errors import BadInput
from microbotnet.graph.kinds import KINDS
from microbotnet.integer import interpreter
from microbotnet.integer.convert import to_program
from microbotnet.integer.lower.lowering import RULES, Lowering
from microbotnet.integer.operators import Add, Convolve, Lookup, Pad, View
from microbotnet.integer.program import Program
from microbotnet.integer.ranges import check
from microbotnet.integer.validation import check_consistent
from microbotnet.nets import SqueezeExcite
from microbotnet.quant.activations import ActivationQuantizers, quantize_activations
from microbotnet.quant.calibration import calibrate
from microbotnet.quant.uniform import uniform
from microbotnet.show.colouring import by_energy
from microbotnet.show.network import draw_network
from microbotnet.sources.agreement import agreement, rounded_integers

COUNT = 3
MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.25, 0.3)


class Calls(nn.Module):
    """A function of the maps, with what it learns."""

    def __init__(self, function: Callable[..., Any], *learned: nn.Module | nn.Parameter) -> None:
        super().__init__()
        self.function = function
        self.learned = [*learned]
        for index, item in enumerate(learned):
            setattr(self, f"learned{index}", item)

    def forward(self, x: Tensor) -> Any:
        return self.function(x, *self.learned)


class Net(nn.Module):
    """A stem, the operator on its 8 maps, and scores of whatever came out."""

    def __init__(self, operator: nn.Module, channels: int = 3) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(channels, 8, 3, padding=1), nn.BatchNorm2d(8))
        self.operator = operator
        self.head = nn.LazyLinear(5)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.operator(self.stem(x)).flatten(1))


class Bare(nn.Module):
    """Only the operator."""

    def __init__(self, operator: nn.Module) -> None:
        super().__init__()
        self.operator = operator

    def forward(self, x: Tensor) -> Any:
        return self.operator(x)


def constant(*shape: int) -> nn.Parameter:
    return nn.Parameter(torch.randn(*shape))


def glu_by_hand(x: Tensor) -> Tensor:
    value, gate = x.split(4, 1)
    return value * gate.sigmoid()


def learned_mask(x: Tensor, mask: nn.Parameter) -> Tensor:
    return x * torch.sigmoid(mask)


def spatial_attention(x: Tensor, conv: nn.Module) -> Tensor:
    seen = torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], 1)
    return x * torch.sigmoid(conv(seen))


def shuffled(x: Tensor) -> Tensor:
    n, c, h, w = x.shape
    return x.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)


def dense(x: Tensor, conv: nn.Module) -> Tensor:
    return torch.cat([x, F.relu(conv(x))], 1)


def bypass(x: Tensor, conv: nn.Module, gamma: nn.Parameter) -> Tensor:
    return x + gamma * conv(x)


def upsampled_by_hand(x: Tensor) -> Tensor:
    n, c, h, w = x.shape
    return x[:, :, :, None, :, None].expand(n, c, h, 2, w, 2).reshape(n, c, 2 * h, 2 * w)


NETS: dict[str, Callable[[], nn.Module]] = {
    # Convolutions.
    "conv": lambda: nn.Conv2d(8, 6, 3),
    "conv, stride and asymmetric padding": lambda: nn.Sequential(nn.ZeroPad2d((1, 2, 0, 1)), nn.Conv2d(8, 6, 3, 2)),
    "conv, same padding, even kernel": lambda: nn.Conv2d(8, 6, 4, padding="same"),
    "conv, valid padding": lambda: nn.Conv2d(8, 6, (1, 5), padding="valid"),
    "conv, dilated": lambda: nn.Conv2d(8, 6, 3, padding=2, dilation=2),
    "conv, groups": lambda: nn.Conv2d(8, 6, 3, padding=1, groups=2),
    "conv, depthwise with multiplier": lambda: nn.Conv2d(8, 16, 3, padding=1, groups=8),
    "conv, pointwise": lambda: nn.Sequential(nn.Conv2d(8, 4, 1), nn.BatchNorm2d(4), nn.ReLU6()),
    "transposed conv": lambda: nn.ConvTranspose2d(8, 6, 4, 2, 1),
    "transposed conv, odd": lambda: nn.Sequential(nn.ConvTranspose2d(8, 6, 3, 2, 1), nn.BatchNorm2d(6), nn.ReLU()),
    "transposed conv, groups": lambda: nn.ConvTranspose2d(8, 6, 3, 2, 1, output_padding=1, groups=2, dilation=1),
    # Linear layers.
    "linear along an axis": lambda: Calls(
        lambda x, a: F.relu(a(x.permute(0, 2, 3, 1))).permute(0, 3, 1, 2), nn.Linear(8, 4)
    ),
    "matrix product with a constant": lambda: Calls(lambda x, w: x.flatten(1) @ w, constant(8 * 36, 7)),
    "einsum with a constant": lambda: Calls(
        lambda x, w: torch.einsum("bchw,cd->bdhw", x, w.T), nn.Parameter(uniform(torch.randn(5, 8)))
    ),
    # Pools.
    "max pool": lambda: nn.MaxPool2d(2),
    "max pool, padded, ceil": lambda: nn.MaxPool2d(3, 2, 1, ceil_mode=True),
    "average pool": lambda: nn.AvgPool2d(2),
    "average pool, padded": lambda: nn.AvgPool2d(3, 2, 1),
    "average pool, padding not counted": lambda: nn.AvgPool2d(3, 2, 1, count_include_pad=False),
    "average pool, ceil": lambda: nn.AvgPool2d(4, 4, ceil_mode=True),
    "average pool, own divisor": lambda: nn.AvgPool2d(2, divisor_override=3),
    "adaptive average pool": lambda: nn.AdaptiveAvgPool2d(1),
    "adaptive average pool, uneven": lambda: nn.AdaptiveAvgPool2d((4, 5)),
    "adaptive max pool": lambda: nn.AdaptiveMaxPool2d((2, 3)),
    "global max": lambda: Calls(lambda x: x.amax((2, 3))),
    "maxima along an axis": lambda: Calls(lambda x: x.max(3).values),
    "minima of maps": lambda: Calls(lambda x: x.amin((2, 3))),
    "mean of rows": lambda: Calls(lambda x: x.mean(3)),
    "mean of channels": lambda: Calls(lambda x: x.mean(1)),
    "sum": lambda: Calls(lambda x: x.sum((1, 3))),
    # Functions of one value.
    "relu": nn.ReLU,
    "leaky relu": lambda: nn.LeakyReLU(0.1),
    "prelu": lambda: Prelu(1),
    "prelu by channel": lambda: Prelu(8),
    "gelu": nn.GELU,
    "hardswish": nn.Hardswish,
    "swish by hand": lambda: Calls(lambda x: x * torch.sigmoid(x)),
    "mish by hand": lambda: Calls(lambda x: x * torch.tanh(F.softplus(x))),
    "softsign": nn.Softsign,
    "square": lambda: Calls(lambda x: x * x + 0.5 * x**2),
    "choice": lambda: Calls(lambda x: torch.where(x > 0, x, x * 0.1)),
    "masks": lambda: Calls(lambda x: x.masked_fill(x < 0, -0.5) + x * ((x > 0.1) & (x < 0.9))),
    "clamp": lambda: Calls(lambda x: x.clamp(max=0.8)),
    # Norms.
    "batch norm alone": lambda: nn.Sequential(nn.ReLU(), nn.BatchNorm2d(8)),
    # Joins.
    "residual": lambda: Calls(lambda x, a: F.relu(x + a(x)), nn.Conv2d(8, 8, 3, padding=1)),
    "residual, broadcast": lambda: Calls(lambda x: x + x.mean((2, 3), keepdim=True)),
    "difference": lambda: Calls(lambda x, a: x - 2 * a(x), nn.Conv2d(8, 8, 1)),
    "product of maps": lambda: Calls(lambda x, a: x * a(x), nn.Conv2d(8, 8, 1)),
    "squeeze-and-excite": lambda: SqueezeExcite(8, 2, gate=nn.Sigmoid),
    "spatial gate": lambda: Calls(spatial_attention, nn.Conv2d(2, 1, 3, padding=1)),
    "learned gate": lambda: Calls(learned_mask, constant(8, 1, 1)),
    "layer scale": lambda: Calls(bypass, nn.Conv2d(8, 8, 1), constant(1, 8, 1, 1)),
    "bias map": lambda: Calls(lambda x, b: x + b, constant(8, 6, 6)),
    "positions": lambda: Calls(lambda x, b: x - b, constant(1, 6)),
    "maximum": lambda: Calls(lambda x, a: torch.maximum(x, a(x)), nn.Conv2d(8, 8, 1)),
    "minimum": lambda: Calls(lambda x, a: torch.min(x, a(x)).relu(), nn.Conv2d(8, 8, 1)),
    "gated linear unit": lambda: nn.GLU(1),
    "gated linear unit by hand": lambda: Calls(glu_by_hand),
    "addcmul": lambda: Calls(lambda x, a: torch.addcmul(x, a(x), x[:, :1], value=0.5), nn.Conv2d(8, 8, 1)),
    "concatenation": lambda: Calls(dense, nn.Conv2d(8, 4, 3, padding=1)),
    "concatenation of rows": lambda: Calls(lambda x, a: torch.cat([x, a(x)], 2), nn.Conv2d(8, 8, 1)),
    "stack": lambda: Calls(lambda x, a: torch.stack([x, a(x)], 2).flatten(1, 2), nn.Conv2d(8, 8, 1)),
    # Moves.
    "slice and crop": lambda: Calls(lambda x: x[:, 1:7:2, 1:-1, 2:]),
    "chunk and split": lambda: Calls(
        lambda x, a: torch.cat([x.chunk(2, 1)[0], a(x.chunk(2, 1)[1])], 1), nn.Conv2d(4, 4, 3, padding=1, groups=4)
    ),
    "transpose": lambda: Calls(lambda x, a: a(x.transpose(2, 3)), nn.Conv2d(8, 4, (1, 3))),
    "channel shuffle": lambda: nn.Sequential(Calls(shuffled), nn.Conv2d(8, 8, 1, groups=2), nn.ChannelShuffle(4)),
    "pixel shuffle": lambda: nn.Sequential(nn.PixelShuffle(2), nn.Conv2d(2, 4, 3)),
    "pixel unshuffle": lambda: nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(32, 4, 1)),
    "flip": lambda: Calls(lambda x, a: a(x.flip(3)), nn.Conv2d(8, 4, 3)),
    "nearest upsampling": lambda: nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(8, 4, 3)),
    "nearest upsampling by hand": lambda: nn.Sequential(Calls(upsampled_by_hand), nn.Conv2d(8, 4, 3, groups=2)),
    "reflection": lambda: nn.Sequential(nn.ReflectionPad2d((2, 1, 0, 1)), nn.Conv2d(8, 4, 3)),
    "circular padding": lambda: nn.Conv2d(8, 4, 3, padding=1, padding_mode="circular"),
    "roll": lambda: Calls(lambda x, a: a(x.roll((1, -2), (2, 3))), nn.Conv2d(8, 4, 3)),
    "chosen channels": lambda: Calls(lambda x: x[:, [5, 3, 3, 1, 7]]),
    "constant padding": lambda: nn.Sequential(nn.ConstantPad2d((1, 0, 2, 1), 0.25), nn.MaxPool2d(2)),
    "padding of channels": lambda: Calls(lambda x: F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 2, 2))),
    # Softmax.
    "softmax of channels": lambda: nn.Sequential(nn.Conv2d(8, 4, 1), nn.Softmax(1)),
    "softmax of branches": lambda: Calls(
        lambda x, a: (torch.stack([x, a(x)], 1) * torch.stack([x, a(x)], 1).mean((3, 4), keepdim=True).softmax(1)).sum(
            1
        ),
        nn.Conv2d(8, 8, 1),
    ),
    "attention pooling": lambda: Calls(
        lambda x, a: (x * a(x).flatten(2).softmax(-1).view(-1, 1, 6, 6)).sum((2, 3)), nn.Conv2d(8, 1, 1)
    ),
}


class Prelu(nn.PReLU):
    """With slopes that differ."""

    def __init__(self, count: int) -> None:
        super().__init__(count)
        self.weight.data = torch.linspace(-0.2, 0.5, count)


REFUSED: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "group norm": (lambda: nn.GroupNorm(2, 8), "use nn.BatchNorm2d"),
    "layer norm": (lambda: Calls(lambda x, n: n(x.permute(0, 2, 3, 1)), nn.LayerNorm(8)), "use nn.BatchNorm2d"),
    "instance norm": (lambda: nn.InstanceNorm2d(8), "use nn.BatchNorm2d"),
    "attention": (lambda: Calls(lambda x: x.flatten(2).transpose(1, 2) @ x.flatten(2)), "use convolutions or linear"),
    "einsum of maps": (lambda: Calls(lambda x: torch.einsum("bchw,bdhw->bcd", x, x)), "use convolutions or linear"),
    "bilinear": (lambda: nn.Upsample(scale_factor=2, mode="bilinear"), 'use mode="nearest" or a transposed'),
    "an order of elements": (lambda: Calls(lambda x: x.flatten(1)[:, torch.randperm(99)]), "slices and torch.cat"),
    "division of maps": (lambda: Calls(lambda x: x / (x.mean(1, keepdim=True) + 3)), "multiply by a reciprocal"),
    "embedding": (lambda: Calls(lambda x, e: e(x[:, 0].abs().long()), nn.Embedding(99, 3)), "before the network"),
    "recurrent": (lambda: Calls(lambda x, r: r(x.flatten(2))[0], nn.GRU(36, 3, batch_first=True)), "along the time"),
    "adaptive max pool, uneven": (lambda: nn.AdaptiveMaxPool2d(4), "a divisor of 6"),
    "three axes": (lambda: Calls(lambda x, c: c(x[:, None]), nn.Conv3d(1, 2, 3)), "fold one axis"),
    "cumulative sum": (lambda: Calls(lambda x: x.cumsum(1)), "write it with these"),
    "vector norm": (lambda: Calls(lambda x: F.normalize(x)), "write it with these"),
}


def ready(model: nn.Module, shape: tuple[int, ...]) -> tuple[ActivationQuantizers, NDArray[Any], Tensor]:
    """A model with drawn statistics and 8-bit kernels, quantized, with the inputs it was calibrated with."""
    draw = np.random.default_rng(0)
    if len(shape) == 3:
        given = draw.integers(0, 256, (COUNT, *shape), dtype=np.uint8)
        x = Batches(torch.from_numpy(given), MEAN[: shape[0]], STD[: shape[0]]).take(torch.arange(COUNT))
    else:
        given = np.zeros(0, np.uint8)
        x = torch.from_numpy(draw.normal(size=(COUNT, *shape)).astype(np.float32))
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d | nn.BatchNorm1d):
            module.momentum = None  # the mean of all batches
    with torch.no_grad():
        model.train()(x)
    for module in model.modules():
        if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Linear):
            module.weight.data = uniform(module.weight.data)
        if isinstance(module, nn.ConvTranspose2d | nn.ConvTranspose1d):
            flat = module.weight.data.unflatten(0, (module.groups, -1)).transpose(1, 2)  # groups, outputs, inputs, …
            rounded = uniform(flat.flatten(0, 1)).view_as(flat)
            module.weight.data = rounded.transpose(1, 2).flatten(0, 1)
        if isinstance(module, Calls):
            for matrix in (item for item in module.learned if isinstance(item, nn.Parameter) and item.dim() == 2):
                matrix.data = uniform(matrix.data.T).T
    quantizers = quantize_activations(model.eval(), 8, shape)
    calibrate(model, [x])
    return quantizers, given, x


def agrees(model: nn.Module, shape: tuple[int, ...] = (3, 6, 6)) -> Program:
    """Lower it; each operator, on the inputs that PyTorch has, makes PyTorch's output within one unit.

    Behind a table, one unit of its index is as much as the table's steps.
    """
    quantizers, given, x = ready(model, shape)
    pixels = given.size > 0
    mean, std = (MEAN[: shape[0]], STD[: shape[0]]) if pixels else (None, None)
    lowering = Lowering(model, quantizers, shape, mean, std)
    program = lowering.run()
    check(program)
    check_consistent(program)
    assert len({operator.name for operator in program.operators}) == len(program.operators)
    points = rounded_integers(model, x)
    of_tensor = {value.tensor: (name, value) for name, value in lowering.values.items() if name in points}
    values: dict[str, NDArray[np.int32]] = {}
    if pixels:
        values[program.input] = given.astype(np.int32)
    else:
        values[program.input] = points["input"].reshape(COUNT, *program.tensors[program.input].shape)
    compared = 0
    for operator in program.operators:
        read = [values[name] for name in operator.inputs]
        made = np.ascontiguousarray(operator.compute(read, *program.of(operator)))
        values[operator.output] = made
        if operator.output not in of_tensor:
            continue
        name, value = of_tensor[operator.output]
        flat, places = made.reshape(COUNT, -1), value.index.reshape(-1)
        expected = points[name].reshape(COUNT, -1)
        how = getattr(operator, "requantize", None)
        bound = 40 if program.tensors[operator.output].dtype == "int16" else 1
        if how is not None and not isinstance(how, tuple) and how.table is not None:
            bound = max(1, int(np.abs(np.diff(how.table.astype(int))).max()))
        worst = int(np.abs(flat[:, places] - expected).max())
        assert worst <= bound, f"{operator.name}: {worst} units"
        if not isinstance(operator, View | Pad | Lookup):
            share = float((flat[:, places] != expected).mean())
            assert bound > 1 or share <= 0.1, f"{operator.name}: {share:.0%} of its outputs differ"
        flat[:, places] = expected
        compared += 1
    assert compared
    reached = interpreter.run_all(program, values[program.input].astype(program.tensors[program.input].dtype))
    for name in program.outputs:  # and no error grows on the way to the end
        end = program.tensors[name]
        assert np.abs(reached[name] - values[name]).mean() < (3000 if end.dtype == "int16" else 10)
    return program


def test_at_least_56_of_the_operators_are_lowered() -> None:
    assert len(NETS) >= 56


@pytest.mark.parametrize("name", NETS)
def test_an_everyday_operator_agrees_with_torch(name: str) -> None:
    torch.manual_seed(0)
    agrees(Net(NETS[name]()))


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_is_named_with_its_place_and_a_way_out(name: str) -> None:
    torch.manual_seed(0)
    make, way = REFUSED[name]
    with pytest.raises(BadInput, match=rf"test_operators\.py:\d+: layer \S+ \(\w+\): .*{way}"):
        agrees(Net(make()))


class Heads(nn.Module):
    """Boxes, a map of classes and a probability."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU())
        self.boxes = nn.Conv2d(8, 4, 1)
        self.wide = nn.ConvTranspose2d(8, 2, 2, 2)
        self.sure = nn.Linear(8, 1)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        x = self.stem(x)
        sure = torch.sigmoid(self.sure(x.mean((2, 3))))
        return {"boxes": self.boxes(x), "classes": self.wide(x).log_softmax(1), "sure": sure}


def signal() -> nn.Module:
    return nn.Sequential(
        nn.Conv1d(2, 8, 5, 2, 2), nn.BatchNorm1d(8), nn.ReLU(), nn.MaxPool1d(2), nn.Conv1d(8, 8, 3, padding="same",
        groups=4), nn.AvgPool1d(3, 2, 1), nn.ConvTranspose1d(8, 4, 4, 2, 1), nn.PReLU(4), nn.AdaptiveAvgPool1d(2),
        nn.Flatten(), nn.Linear(8, 3),
    )  # fmt: skip


def autoencoder() -> nn.Module:
    layers = [nn.Linear(12, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3), nn.Hardswish(), nn.Linear(3, 12)]
    return nn.Sequential(*layers)


def decoder() -> nn.Module:
    return nn.Sequential(
        nn.Linear(6, 32), nn.ReLU(), nn.Unflatten(1, (8, 2, 2)), nn.ConvTranspose2d(8, 4, 3, 2, 1, 1), nn.ReLU(),
        nn.Upsample(scale_factor=2), nn.Conv2d(4, 3, 3, padding=1), nn.Sigmoid(),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("make", "shape", "outputs"),
    [
        (signal, (2, 40), [("int16", (3, 1, 1))]),
        (autoencoder, (12,), [("int16", (12, 1, 1))]),
        (decoder, (6,), [("int8", (3, 8, 8))]),
        (lambda: Net(nn.MaxPool2d(2), 1), (1, 9, 5), [("int16", (5, 1, 1))]),
        (lambda: nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.PixelShuffle(2)), (3, 4, 6), [("int8", (1, 8, 12))]),
        (
            lambda: nn.Sequential(nn.Conv2d(3, 4, (4, 6)), nn.Flatten(), nn.LogSoftmax(1)),
            (3, 4, 6),
            [("int16", (4, 1, 1))],
        ),
        (lambda: nn.Sequential(nn.Conv2d(3, 2, 1), nn.Softmax(1)), (3, 4, 6), [("int8", (2, 4, 6))]),
        (Heads, (3, 8, 8), [("int8", (4, 4, 4)), ("int8", (2, 8, 8)), ("int8", (1, 1, 1))]),
    ],
    ids=[
        "a signal",
        "an autoencoder",
        "a decoder",
        "one channel, not square",
        "a larger picture",
        "scores",
        "a map",
        "three",
    ],
)
def test_inputs_and_outputs_of_other_shapes(
    make: Callable[[], nn.Module], shape: tuple[int, ...], outputs: list[tuple[str, tuple[int, ...]]]
) -> None:
    torch.manual_seed(0)
    program = agrees(make(), shape)
    made = [program.tensors[name] for name in program.outputs]
    assert [(tensor.dtype, tensor.shape) for tensor in made] == outputs


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("conv, stride and asymmetric padding", [Lookup, Convolve, Convolve, Convolve]),
        ("transpose", [Lookup, Convolve, View, Convolve, Convolve]),
        ("swish by hand", [Lookup, Convolve, Convolve]),
        ("layer scale", [Lookup, Convolve, Convolve, Add, Convolve]),
    ],
)
def test_what_can_be_absorbed_costs_no_operator(name: str, kinds: list[type]) -> None:
    torch.manual_seed(0)
    program = agrees(Net(NETS[name]()))
    assert [type(operator) for operator in program.operators] == kinds


def test_an_exchange_of_channels_is_one_of_the_next_kernels_weights() -> None:
    torch.manual_seed(0)
    program = agrees(Net(nn.Sequential(Calls(shuffled), nn.Conv2d(8, 4, 3))))
    assert [type(operator) for operator in program.operators] == [Lookup, Convolve, Convolve, Convolve]


def test_a_border_beyond_the_scale_of_what_it_is_around_is_refused() -> None:
    torch.manual_seed(0)
    with pytest.raises(BadInput, match=r"pads with 900, outside of .*; pad with 0"):
        agrees(Net(nn.Sequential(nn.ConstantPad2d(1, 900.0), nn.MaxPool2d(2))))


def test_the_page_of_operators_names_what_is_refused() -> None:
    page = (Path(__file__).parents[2] / "docs" / "operators.md").read_text()
    for kind in KINDS.values():
        if kind.name not in RULES and not (kind.reshapes or kind.in_place):
            assert f"`{kind.name}`" in page, kind.name


def test_maps_may_be_viewed_as_a_list() -> None:
    """`x.view(len(x), -1)` needs channel after channel; batches of pictures have channels last."""
    torch.manual_seed(0)
    model = Calls(lambda x, a, b: b(a(x).view(len(x), -1)), nn.Conv2d(3, 4, 3), nn.Linear(64, 3))
    pictures = np.random.default_rng(0).integers(0, 256, (4, 3, 6, 6), dtype=np.uint8)
    with pytest.raises(RuntimeError, match="view size is not compatible"):
        model(Batches(torch.from_numpy(pictures), MEAN, STD).take(torch.arange(4)))
    program = to_program(model, pictures, mean=MEAN, std=STD)
    with torch.no_grad():
        reals = model(Batches(torch.from_numpy(pictures), MEAN, STD).take(torch.arange(4)).contiguous()).numpy()
    assert np.abs(interpreter.run(program, pictures) * program.result.scale - reals).max() < 0.05


def test_a_tensor_is_named_after_a_layer_only_if_it_lies_as_the_layers_output() -> None:
    torch.manual_seed(0)
    model = Bare(nn.Sequential(nn.Conv2d(3, 8, 1), nn.ConvTranspose2d(8, 4, 4, 2, 1)))
    program = agrees(model)
    assert [(o.name, o.output) for o in program.operators[2:]] == [
        ("operator.1", "operator.1.parts"),
        ("operator.1.view", "operator.1"),
    ]
    pictures = np.random.default_rng(1).integers(0, 256, (2, 3, 6, 6), dtype=np.uint8)
    assert max(layer.worst_units for layer in agreement(program, model, pictures, MEAN, STD)) <= 1


def test_all_of_them_are_counted_explained_and_drawn() -> None:
    unknown = {"cumulative sum", "vector norm"}
    for name, make in (NETS | {name: make for name, (make, _) in REFUSED.items()}).items():
        torch.manual_seed(0)
        model = Net(make())
        with torch.no_grad():
            model.train()(torch.rand(2, 3, 6, 6))
        graph = trace(model, (3, 6, 6))
        assert bool(graph.warnings) == (name in unknown), name
        words = ["\n".join(explain(graph, node)) for node in graph]
        assert any("do not know" in text for text in words) == (name in unknown), name
        found = profile(graph)
        assert found.energy.total > 0
        assert "3×6×6" in draw_network(graph, by_energy(found), name)
