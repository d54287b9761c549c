"""Lowered programs against the rounded PyTorch network they come from, operator by operator."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor, nn

from microbotnet.data.augment import Batches
from microbotnet.design import Design, Head, Stage, Stem
from microbotnet.errors import BadInput
from microbotnet.integer import interpreter
from microbotnet.integer.lower import lower
from microbotnet.integer.operators import Convolve, SumPool
from microbotnet.integer.program import Program
from microbotnet.integer.validation import check_consistent
from microbotnet.nets import SqueezeExcite, create_model
from microbotnet.nets.designed import Designed
from microbotnet.quant import quantize
from microbotnet.quant.activations import quantize_activations
from microbotnet.quant.calibration import calibrate
from microbotnet.quant.uniform import uniform
from microbotnet.sources.agreement import rounded_integers

MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.25, 0.3)


def rounded_weights(model: nn.Module) -> None:
    """8 bits for every kernel that is not ternary, as lowering makes them."""
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear) and len(layer.weight.detach().abs().unique()) > 2:
            layer.weight.data = uniform(layer.weight.data)


@dataclass
class Lowered:
    """A program, and the integers that PyTorch's rounded network has at its points for the same pictures."""

    program: Program
    pictures: NDArray[np.uint8]
    points: dict[str, NDArray[np.int32]]


def lowered(model: nn.Module, *, size: int = 8, bits: int = 8, count: int = 3, seed: int = 0) -> Lowered:
    pictures = np.random.default_rng(seed).integers(0, 256, (count, 3, size, size), dtype=np.uint8)
    batches = Batches(torch.from_numpy(pictures), MEAN, STD).take(torch.arange(count))
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d | nn.BatchNorm1d):
            module.momentum = None  # the mean of all batches
    with torch.no_grad():
        model.train()(batches)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d | nn.BatchNorm1d) and module.running_mean is not None:
            assert module.running_var is not None  # of few pictures a mean is often one of the values: no threshold
            module.running_mean += 0.0137 * module.running_var.sqrt()
    rounded_weights(model)
    quantize_activations(model.eval(), bits, (3, size, size))
    calibrate(model, [batches])
    program = lower(model, MEAN, STD, input_shape=(3, size, size))
    check_consistent(program)
    return Lowered(program, pictures, rounded_integers(model, batches))


def compare(case: Lowered, *, rate: float = 0.02) -> None:
    """On the inputs that PyTorch has, each operator makes PyTorch's output within one unit, and mostly exactly.

    Behind a table, one unit of its index is as much as the table's steps.
    """
    program = case.program
    values = {program.input: case.pictures.astype(np.int32)}
    differing, total = 0, 0
    for operator in program.operators:
        made = operator.compute([values[name] for name in operator.inputs], *program.of(operator))
        expected = case.points.get(operator.output)
        if expected is None:  # a maximum, a sign, or a part of a concatenation
            values[operator.output] = made
            continue
        expected = expected.reshape(made.shape)
        bound = 1
        how = getattr(operator, "requantize", None)
        if how is not None and not isinstance(how, tuple) and how.table is not None:
            bound = max(1, int(np.abs(np.diff(how.table.astype(int))).max()))
        scores = program.tensors[operator.output].dtype == "int16"
        bound = 40 if scores else bound  # of 65,536: 0.06 % of the range, from the multiplier's last bit
        worst = np.abs(made - expected).max()
        assert worst <= bound, f"{operator.name}: {worst} units"
        if isinstance(operator, Convolve) and not scores:  # sums and averages often lie half-way between two integers
            differing, total = differing + int((made != expected).sum()), total + made.size
        values[operator.output] = expected
    assert differing <= rate * total + 2


ACTIVATIONS: list[Callable[[], nn.Module]] = [
    nn.ReLU, nn.ReLU6, nn.Hardswish, nn.Hardsigmoid, nn.Sigmoid, nn.SiLU, nn.Tanh, nn.GELU, nn.ELU, nn.Identity,
    lambda: nn.LeakyReLU(0.2), lambda: nn.Hardtanh(-0.5, 1.5), nn.Softplus, nn.Mish,
]  # fmt: skip


class Residual(nn.Sequential):
    def forward(self, x: Tensor) -> Tensor:
        return x + super().forward(x)


class Difference(nn.Sequential):
    def forward(self, x: Tensor) -> Tensor:
        return x - super().forward(x)


class Beside(nn.Sequential):
    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([part(x) for part in self] + [x], 1)


class Half(nn.Module):
    """Arithmetic with numbers."""

    def forward(self, x: Tensor) -> Tensor:
        return 1 - x / 2 + 0.25 * x.abs()


def random_network(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)

    def pick(*values: Any) -> Any:
        return values[int(rng.integers(len(values)))]

    def conv(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1, dilation: int = 1) -> list[Any]:
        made = nn.Conv2d(
            inputs, outputs, kernel, stride, dilation * (kernel // 2), dilation, groups, bias=bool(rng.integers(2))
        )
        how = pick("float", "float", "ternary", "scaled", "ttq")
        if how != "float":
            with torch.no_grad():
                sign = torch.randint(-1, 2, made.weight.shape).float()
                scale = {"ternary": (1.0, 1.0), "scaled": (0.3, 0.3), "ttq": (0.7, 0.3)}[how]
                made.weight.copy_(torch.where(sign > 0, scale[0], scale[1]) * sign)
        layers: list[Any] = [made, nn.BatchNorm2d(outputs)] if rng.random() < 0.7 else [made]
        for layer in layers[1:]:
            nn.init.uniform_(layer.weight, -1.5, 1.5)
            nn.init.uniform_(layer.bias, -1, 1)
        return [*layers, pick(*ACTIVATIONS)()]

    channels = int(pick(1, 4, 6))
    layers: list[Any] = conv(3, channels, 3, int(pick(1, 2)))
    for _ in range(int(rng.integers(1, 4))):
        kind = pick("conv", "depthwise", "residual", "difference", "gate", "beside", "norm", "max", "average", "number")
        if kind == "conv":
            outputs = int(pick(2, 5, 8))
            layers += conv(channels, outputs, int(pick(1, 3)), int(pick(1, 2)), dilation=int(pick(1, 1, 2)))
            channels = outputs
        elif kind == "depthwise":
            layers += conv(channels, channels, int(pick(3, 5)), groups=channels)
        elif kind == "residual":
            layers += [Residual(*conv(channels, channels, 1)), pick(*ACTIVATIONS)()]
        elif kind == "difference":
            layers.append(Difference(*conv(channels, channels, 3)))
        elif kind == "gate":
            layers += [SqueezeExcite(channels, 2, gate=pick(nn.Sigmoid, nn.Hardsigmoid)), pick(*ACTIVATIONS)()]
        elif kind == "beside":
            layers.append(Beside(nn.Sequential(*conv(channels, 3, 1)), nn.Sequential(*conv(channels, 2, 3))))
            channels += 5
        elif kind == "norm":
            layers += [nn.BatchNorm2d(channels), nn.ReLU(inplace=True)]
        elif kind == "max":
            layers.append(nn.MaxPool2d(2, 2, ceil_mode=bool(rng.integers(2)), padding=int(rng.integers(2))))
        elif kind == "average":
            layers.append(nn.AvgPool2d((2, 1), (1, 1)))
        else:
            layers.append(Half())
    if rng.random() < 0.5:
        return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(), nn.Linear(channels, 4))
    return nn.Sequential(*layers, nn.Flatten(), nn.LazyLinear(4), nn.LogSoftmax(1))


@settings(max_examples=40, derandomize=True)
@given(st.integers(0, 100_000))
def test_every_operator_of_a_random_network_agrees(seed: int) -> None:
    size = 5 + seed % 7
    try:
        case = lowered(random_network(seed), size=size, bits=4 if seed % 5 == 0 else 8, seed=seed)
    except (RuntimeError, BadInput) as error:
        assert "too small" in str(error) or "size" in str(error)  # noqa: PT017
        return
    compare(case, rate=0.1)


@pytest.mark.parametrize(
    ("name", "width", "size"),
    [
        ("microbotnet", 0.25, 32),
        ("squeezenet-cifar", 1.0, 32),
        ("resnet8", 1.0, 32),
        ("mobilenet-v1", 0.25, 32),
        ("mobilenet-v2", 0.25, 32),
        ("mobilenet-v3-small", 0.25, 32),
    ],
)
def test_the_zoo_agrees(name: str, width: float, size: int) -> None:
    torch.manual_seed(0)
    model = create_model(name, width=width, input_size=size)
    compare(lowered(model, size=size, count=2))


def test_a_network_that_averages_before_its_last_projection_agrees() -> None:
    torch.manual_seed(0)
    stages = (Stage(8, expansion=2, stride=2), Stage(8, expansion=2, squeeze_excite=True))
    case = lowered(Designed(Design(stages, Stem(6), Head(average_first=True), 8), num_classes=5))
    compare(case)
    pools = [operator for operator in case.program.operators if isinstance(operator, SumPool)]
    assert [case.program.tensors[p.output].shape for p in pools] == [(16, 1, 1), (16, 1, 1), (8, 1, 1)]


def test_binarynet_is_compared_not_rounded() -> None:
    """Its sums before a sign are compared with a threshold, exactly."""
    torch.manual_seed(0)
    model = create_model("binarynet")
    quantize(model, "with-stem", "binary")
    case = lowered(model, size=32, count=2)
    layer = next(o for o in case.program.operators if isinstance(o, Convolve) and o.name == "features.7")
    assert layer.bits == 1
    assert (layer.requantize.low, layer.requantize.high) == (-1, 0)
    compare(case, rate=0.2)


def test_ternary_kernels_stay_ternary() -> None:
    torch.manual_seed(0)
    model = create_model("microbotnet", width=0.25)
    quantize(model, "pointwise", "one-negative-one")
    from microbotnet.quant import bake

    case = lowered(bake(model), size=32, count=2)
    bits = {o.name: o.bits for o in case.program.operators if isinstance(o, Convolve)}
    assert bits["features.0.0"] == 8
    assert bits["features.2.conv.0"] == bits["classifier.1"] == 2
    shifted = [o.requantize.pre_shift > 0 for o in case.program.operators if isinstance(o, Convolve) and o.bits == 2]
    assert sum(shifted) <= len(shifted) / 4  # the sums are small: most need none
    compare(case)


@pytest.mark.parametrize(
    ("layers", "reason"),
    [
        ([nn.GroupNorm(2, 4), nn.AdaptiveAvgPool2d(1)], r"layer 1 \(group_norm\): has no integer form; .*BatchNorm2d"),
        (
            [nn.BatchNorm2d(4, track_running_stats=False), nn.AdaptiveAvgPool2d(1)],
            r"layer 1 \(batch_norm\): normalises by",
        ),
    ],
)
def test_what_has_no_integer_form_is_named_with_its_place(layers: list[nn.Module], reason: str) -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 1), *layers)
    with pytest.raises(BadInput, match=reason):
        lowered(model, size=8)


@pytest.mark.parametrize(
    "model",
    [
        nn.Conv2d(3, 5, 8),
        nn.Sequential(nn.Sequential(nn.Conv2d(3, 5, 3), nn.Hardswish()), nn.AdaptiveAvgPool2d(1), nn.Flatten()),
    ],
    ids=["one layer", "layers in a row"],
)
def test_a_root_that_is_torchs_own_module(model: nn.Module) -> None:
    case = lowered(model)
    assert all(operator.name for operator in case.program.operators)
    compare(case)


def test_activations_must_be_quantized_and_labels_fit() -> None:
    model = create_model("resnet8").eval()
    with pytest.raises(BadInput, match="activations are not quantized"):
        lower(model, MEAN, STD)
    quantize_activations(model)
    calibrate(model, [torch.zeros(1, 3, 32, 32)])
    with pytest.raises(BadInput, match="3 labels for a network with 10 outputs"):
        lower(model, MEAN, STD, labels=("a", "b", "c"))
    with pytest.raises(BadInput, match="takes 3×32×32, not pictures of 1 channels"):
        lower(model, (0.5,), (0.5,))


def test_a_picture_that_says_nothing_makes_a_program_all_the_same() -> None:
    """Ranges of zero width: dead layers."""
    model = create_model("resnet8").eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    quantize_activations(model)
    calibrate(model, [torch.zeros(1, 3, 32, 32)])
    program = lower(model, MEAN, STD)
    assert not interpreter.run(program, np.full((1, 3, 32, 32), 200, np.uint8)).any()
