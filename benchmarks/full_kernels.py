"""Networks of full 3×3 kernels, to hold against the family at the same energy: a ternary sum is cheap, a rounding dear.

microbotnet train modern --from benchmarks/full_kernels.py:Full --holdout 5000
python benchmarks/full_kernels.py            # MACs, parameters and modelled energy of both, ternary
"""

from pathlib import Path

import torch
from torch import Tensor, nn

from microbotnet.cost.energy import estimate_energy
from microbotnet.cost.macs import count_macs
from microbotnet.graph.trace import trace
from microbotnet.nets.layers import SqueezeExcite, conv_bn
from microbotnet.nets.microbotnet import Bottleneck, Row
from microbotnet.quant.parametrize import bake, quantize

SHAPE = (3, 32, 32)
POLICY = Path(__file__).with_suffix(".toml")
DENSITY = 0.65  # share of ternary weights that are not zero, about what trained networks have


class Residual(nn.Module):
    """Two 3×3 convolutions beside the identity; the second's batch norm begins at 0."""

    def __init__(self, channels: int, *, gated: bool = False) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            conv_bn(channels, channels, 3, activation=nn.ReLU),
            conv_bn(channels, channels, 3),
            SqueezeExcite(channels) if gated else nn.Identity(),
        )
        nn.init.zeros_(self.conv[1][1].weight)  # type: ignore[index]
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.relu(x + self.conv(x))
        return y


class Full(nn.Sequential):
    """Three blocks of 32 channels at 8×8, one gated one of 64 at 4×4."""

    def __init__(self) -> None:
        super().__init__(
            conv_bn(3, 16, 3, 2, activation=nn.ReLU),
            conv_bn(16, 32, 3, 2, activation=nn.ReLU),
            *(Residual(32) for _ in range(3)),
            conv_bn(32, 64, 3, 2, activation=nn.ReLU),
            Residual(64, gated=True),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(64, 10),
        )


class Mixed(nn.Sequential):
    """Three blocks of 32 channels at 8×8, then grain-xl's last stage."""

    def __init__(self) -> None:
        late = [Row(3, 96, 48, True, nn.ReLU, 2), *2 * [Row(3, 156, 48, True, nn.ReLU, 1)]]
        super().__init__(
            conv_bn(3, 12, 3, 2, activation=nn.Hardswish),
            conv_bn(12, 32, 3, 2, activation=nn.ReLU),
            *(Residual(32) for _ in range(3)),
            *(
                Bottleneck(inputs, row.expanded, row.out, row, average=index == 2)
                for index, (inputs, row) in enumerate(zip((32, 48, 48), late, strict=True))
            ),
            nn.Flatten(),
            nn.Linear(48, 10),
        )


def main() -> None:
    for kind in (Full, Mixed):
        torch.manual_seed(0)
        model = kind().eval()
        quantize(model, str(POLICY), "one-negative-one")
        graph = trace(bake(model), SHAPE)
        energy = estimate_energy(graph, density=DENSITY).total / 1e6
        parameters = sum(p.numel() for p in model.parameters())
        print(f"{kind.__name__}: {count_macs(graph):,} MACs, {parameters:,} parameters, {energy:.3f} µJ")


if __name__ == "__main__":
    main()
