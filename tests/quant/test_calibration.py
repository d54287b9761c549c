"""Ranges from pictures: what they are chosen by, and that nothing of the network is changed."""

import warnings
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.func import jacrev
from torch.testing import assert_close

from microbotnet import BadInput, calibrate, quantize_activations
from microbotnet.quant import calibration
from microbotnet.quant.activations import ActivationQuantizer
from microbotnet.training.checkpoint import load_checkpoint


class Channels(nn.Module):
    """Three channels of which one is a hundred times the others, and so much does it count."""

    def __init__(self, counts: float) -> None:
        super().__init__()
        self.spread = nn.Conv2d(3, 3, 1, groups=3, bias=False)
        self.read = nn.Conv2d(3, 3, 1, groups=3, bias=False)
        with torch.no_grad():
            self.spread.weight.copy_(torch.tensor([1.0, 1.0, 100.0])[:, None, None, None])
            self.read.weight.copy_(torch.tensor([1.0, 1.0, counts])[:, None, None, None])

    def forward(self, x: Tensor) -> Tensor:
        return self.read(nn.functional.relu(self.spread(x))).mean((2, 3))


def pictures(count: int = 64, seed: int = 0) -> Tensor:
    return torch.rand(count, 3, 8, 8, generator=torch.Generator().manual_seed(seed))


def ranges(model: nn.Module, *batches: Tensor) -> dict[str, tuple[float, float]]:
    quantizers = quantize_activations(model.eval(), 8, (3, 8, 8))
    calibrate(model, batches)
    found = {}
    for key, quantizer in quantizers.items():
        assert isinstance(quantizer, ActivationQuantizer)
        found[key] = float(quantizer.low), float(quantizer.high)
    return found


@pytest.mark.parametrize(("counts", "least", "most"), [(1e-6, 0.9, 6), (1.0, 90, 100)])
def test_a_large_channel_takes_the_range_only_if_the_outputs_depend_on_it(
    counts: float, least: float, most: float
) -> None:
    low, high = ranges(Channels(counts), pictures())["relu"]
    assert low == 0
    assert least < high <= most


def test_weights_are_squared_jacobians() -> None:
    """In the mean over random sums, of which one picture seen many times has many."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Hardswish(inplace=True), nn.Flatten(), nn.Linear(144, 5)).eval()
    behind = model[3]
    quantizers = quantize_activations(model, 8, (3, 8, 8))
    x = pictures(1)
    seen = calibration._watched(model, quantizers, [x.expand(4000, -1, -1, -1)])["0"]
    quantizers.watch = None
    index = model[0](x)[0]
    jacobian = jacrev(lambda z: behind(nn.functional.hardswish(z).flatten()))(index)
    expected = jacobian.square().sum(0).flatten()
    values, weights = torch.cat([s.values for s in seen]), torch.cat([s.weights for s in seen])
    size = torch.stack([behind(nn.functional.hardswish(index).flatten())]).square().mean()  # outputs weigh alike
    for value, square in list(zip(index.flatten(), expected, strict=True))[::29]:
        same = (values - value).abs() < 1e-6
        assert same.sum() > 20
        assert_close(weights[same].mean() * size, square, rtol=0.5, atol=1e-6)


def test_the_ends_move_apart_from_each_other() -> None:
    """An h-swish whose largest values do not count keeps what is below 0."""
    torch.manual_seed(0)

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 2, 1)
            self.read = nn.Conv2d(2, 2, 1, groups=2)
            with torch.no_grad():
                self.conv.weight.copy_(torch.tensor([[6.0, 0, 0], [0, 90.0, 0]])[:, :, None, None])
                self.conv.bias.copy_(torch.tensor([-4.0, 0.0]))
                self.read.weight.copy_(torch.tensor([1.0, 1e-6])[:, None, None, None])

        def forward(self, x: Tensor) -> Tensor:
            return self.read(nn.functional.hardswish(self.conv(x))).mean((2, 3))

    found = ranges(Net(), pictures())
    assert found["hardswish"][0] < -0.34
    assert found["hardswish"][1] < 15
    assert found["conv"][0] < -2.5


def test_a_shipped_network_keeps_its_answers() -> None:
    """`grain-s` lost a tenth of them by ranges of the least squared error."""
    model = load_checkpoint("grain-s").model
    inputs = torch.randn(200, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    inputs = nn.functional.interpolate(inputs[:, :, :8, :8], (32, 32), mode="bilinear")
    with torch.no_grad():
        real = model.eval()(inputs)
        quantize_activations(model)
        calibrate(model, [inputs])
        rounded = model(inputs)
    assert (rounded - real).square().sum() < 0.02 * real.square().sum()
    assert (rounded.argmax(1) == real.argmax(1)).double().mean() > 0.9


def test_few_at_once_find_the_same_and_leave_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    model = Channels(0.01)
    whole = ranges(model, pictures(64))
    sizes = []
    other = Channels(0.01)
    other.register_forward_pre_hook(lambda _, args: sizes.append(len(args[0])))
    monkeypatch.setattr(calibration, "_AT_ONCE", 5000)
    with torch.no_grad():  # where there would be no gradients
        found = ranges(other, pictures(64))
    assert sizes == [1, 1, *[8] * 8]  # traced, measured, answered
    for key, (low, high) in found.items():
        assert (low, high) == pytest.approx(whole[key], rel=0.25, abs=1e-6)
    assert all(parameter.grad is None and parameter.requires_grad for parameter in other.parameters())


class Overwritten(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = x.sub_(0.5)  # its own input
        y = torch.sigmoid(self.conv(x))
        z = torch.relu(y)
        y.zero_()
        return z.mean((2, 3))


class Severed(Overwritten):
    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            return torch.relu(self.conv(x)).mean((2, 3))


def test_without_a_gradient_the_error_alone_decides() -> None:
    torch.manual_seed(0)
    with pytest.warns(UserWarning, match="by the squared error alone: one of the variables needed"):
        found = ranges(Overwritten(), pictures())
    assert 0.3 < found["relu"][1] < 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert ranges(Severed(), pictures())["relu"][1] > 0


def test_what_cannot_set_ranges_is_refused() -> None:
    model: Any = Channels(1)
    quantizers = quantize_activations(model, 8, (3, 8, 8))
    with pytest.raises(BadInput, match="no pictures"):
        calibrate(model, [])
    with pytest.raises(BadInput, match=r"input: its values are NaN"):
        calibrate(model, [torch.full((1, 3, 8, 8), torch.nan)])
    assert quantizers.watch is None
