import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from microbotnet import BadInput, count_macs, create_model, net_names, trace
from microbotnet.nets import find_net

# Published: width, parameters, conv + linear MACs, MACs as thop 0.0.31.post2001170342 counts them.
MICROBOTNET = [
    (0.25, 160_162, 586_112, 697_662),
    (0.32, 236_658, 782_368, 932_886),
    (0.50, 538_138, 1_616_512, 1_912_512),
    (1.00, 2_044_298, 5_641_504, 6_597_218),
]


@pytest.mark.parametrize(("width", "parameters", "conv_linear", "thop"), MICROBOTNET)
def test_microbotnet_has_the_published_counts(width: float, parameters: int, conv_linear: int, thop: int) -> None:
    graph = trace(create_model("microbotnet", width=width))
    assert graph.parameter_count == parameters
    assert count_macs(graph) == conv_linear
    assert count_macs(graph, "thop_2020") == thop


def half_of_torchs_flops(model: nn.Module, shape: tuple[int, ...]) -> float:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.to("meta").eval()(torch.empty((1, *shape), device="meta"))
    return counter.get_total_flops() / 2


@pytest.mark.parametrize("name", net_names())
def test_conv_linear_is_half_of_torchs_flops(name: str) -> None:
    net = find_net(name)
    for size in {32, net.input_size} if net.input_size else {None}:
        shape = (3, size, size) if size else net.input_shape
        model = create_model(name, num_classes=13, input_size=size)
        assert count_macs(trace(model, shape)) == half_of_torchs_flops(model, shape)


class Odd(nn.Module):
    """Groups, dilation, a transposed convolution, matrix products and one dimension."""

    def __init__(self) -> None:
        super().__init__()
        self.grouped = nn.Conv2d(4, 8, 3, padding=2, dilation=2, groups=2)
        self.up = nn.ConvTranspose2d(8, 6, 2, 2, groups=2)
        self.line = nn.Conv1d(6, 5, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.up(self.grouped(x)).flatten(2)
        x = self.line(x)
        return F.linear(x @ x.transpose(1, 2), torch.ones(3, 5))


def test_conv_linear_on_unusual_layers() -> None:
    model = Odd()
    assert count_macs(trace(model, (4, 6, 6))) == half_of_torchs_flops(model, (4, 6, 6))


def thop(*layers: nn.Module, shape: tuple[int, ...]) -> int:
    return count_macs(trace(nn.Sequential(*layers), shape), "thop_2020")


def test_thop_2020_layer_by_layer() -> None:
    assert thop(nn.Conv2d(4, 6, 3, groups=2), shape=(4, 5, 5)) == 6 * 3 * 3 * (2 * 9 + 1)
    assert thop(nn.Conv2d(4, 6, 3, bias=False), shape=(4, 5, 5)) == 6 * 3 * 3 * 36
    assert thop(nn.Linear(7, 3), shape=(7,)) == 3 * 14
    assert thop(nn.Linear(7, 3, bias=False), shape=(7,)) == 3 * 13
    assert thop(nn.BatchNorm2d(4), shape=(4, 5, 5)) == 2 * 100
    assert thop(nn.AdaptiveAvgPool2d(1), shape=(4, 5, 5)) == 4 * 26
    assert thop(nn.AdaptiveAvgPool2d(2), shape=(4, 5, 5)) == 16 * 5
    assert thop(nn.AvgPool2d(2), shape=(4, 6, 6)) == 4 * 9
    assert thop(nn.LeakyReLU(), shape=(4, 6, 6)) == 144
    assert thop(nn.ReLU(), nn.Hardswish(), nn.Hardsigmoid(), nn.MaxPool2d(2), nn.Dropout(), shape=(4, 6, 6)) == 0


def test_thop_2020_does_not_see_function_calls() -> None:
    class Functions(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return F.linear(F.adaptive_avg_pool2d(x, 1).flatten(1), torch.ones(2, 3))

    graph = trace(Functions())
    assert count_macs(graph, "thop_2020") == 0
    assert count_macs(graph) == 6


def test_a_module_that_runs_twice_counts_twice() -> None:
    conv = nn.Conv2d(3, 3, 1, bias=False)
    graph = trace(nn.Sequential(conv, conv), (3, 4, 4))
    assert count_macs(graph) == 2 * 144
    assert graph.parameter_count == 9


def test_an_unknown_convention_is_refused() -> None:
    with pytest.raises(BadInput, match="thop_2020"):
        count_macs(trace(nn.Conv2d(3, 3, 1)), "flops")  # type: ignore[arg-type]
