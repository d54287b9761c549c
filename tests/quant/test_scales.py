"""Which layers' scales a batch norm absorbs: small networks by hand, and the definition on the zoo."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from microbotnet import create_model, trace
from microbotnet.quant.policy import kernels
from microbotnet.quant.scales import absorbed


class Branches(nn.Module):
    """Two convolutions, brought together by `join`, then what `behind` says."""

    def __init__(self, join: Callable[[Tensor, Tensor], Tensor], *behind: nn.Module) -> None:
        super().__init__()
        self.left, self.right, self.join = nn.Conv2d(3, 4, 1), nn.Conv2d(3, 4, 3, padding=1), join
        self.behind = nn.Sequential(*behind)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.behind(self.join(self.left(x), self.right(x)))
        return y


def concatenated(a: Tensor, b: Tensor) -> Tensor:
    return torch.cat([a, b], 1)


@pytest.mark.parametrize(
    ("model", "wanted"),
    [
        (nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 2, 1)), {"0"}),
        (nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU(), nn.MaxPool2d(2), nn.BatchNorm2d(4)), {"0"}),
        (nn.Sequential(nn.Conv2d(3, 4, 1), nn.Hardswish(), nn.BatchNorm2d(4)), set()),
        (nn.Sequential(nn.Flatten(), nn.Linear(192, 4, bias=False), nn.Dropout(), nn.BatchNorm1d(4)), {"1"}),
        (nn.Sequential(nn.Conv2d(3, 4, 1)), set()),
        (Branches(concatenated, nn.BatchNorm2d(8)), {"left", "right"}),
        (Branches(torch.add, nn.BatchNorm2d(4)), set()),
        (Branches(lambda a, b: torch.sigmoid(a) * b, nn.BatchNorm2d(4)), set()),
    ],
)
def test_by_hand(model: nn.Module, wanted: set[str]) -> None:
    found = absorbed(trace(model, (3, 8, 8)))
    assert {kernel.name for kernel in kernels(model)} & found == wanted


def test_a_layer_used_twice_must_be_absorbed_twice() -> None:
    layer = nn.Conv2d(3, 3, 1)
    assert absorbed(trace(nn.Sequential(layer, nn.BatchNorm2d(3), layer, nn.BatchNorm2d(3)), (3, 8, 8))) >= {"0"}
    assert "0" not in absorbed(trace(nn.Sequential(layer, nn.BatchNorm2d(3), layer), (3, 8, 8)))


@pytest.mark.parametrize("net", ["microbotnet", "squeezenet-cifar", "resnet8", "binarynet-chip"])
def test_in_training_mode_a_factor_of_an_absorbed_kernel_changes_nothing(net: str) -> None:
    torch.manual_seed(0)
    model = create_model(net, width=0.0625) if net == "binarynet-chip" else create_model(net)
    found = absorbed(trace(model))
    model.double().train()
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
        if isinstance(module, nn.BatchNorm2d | nn.BatchNorm1d):
            module.eps = 1e-30
    pictures = torch.randn(8, 3, 32, 32, dtype=torch.float64)
    layers = [model.get_submodule(kernel.name) for kernel in kernels(model) if kernel.name in found]
    assert layers
    with torch.no_grad():
        before = model(pictures)
        for layer in layers:
            for parameter in layer.parameters():  # a bias is learned and follows
                parameter.mul_(3)
        assert torch.allclose(model(pictures), before, rtol=1e-6, atol=1e-9)
