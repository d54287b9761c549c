"""What a network of the zoo costs, beside one of your own: MACs, parameters, memory and modelled energy.

    python examples/cost_comparison.py

Nothing is trained here: costs are known from the layers alone.
"""

# %% Your network: any nn.Module. Here a block as torchvision writes its own, with a residual.
import torch
from torch import nn

import microbotnet


class Block(nn.Module):
    """Two 3×3 convolutions and a shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = nn.Conv2d(inputs, outputs, 1, stride) if stride > 1 else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))
        return (y + self.downsample(x)).relu()


mine = nn.Sequential(
    nn.Conv2d(3, 16, 3, 2, 1), nn.ReLU(), Block(16, 16, 1), Block(16, 32, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
    nn.Linear(32, 10),
)  # fmt: skip

# %% The zoo's: made by name, or `from_pretrained` with its weights.
networks = {
    "mine": mine,
    "microbotnet ×0.32": microbotnet.create_model("microbotnet", width=0.32),
    "mobilenet-v2": microbotnet.create_model("mobilenet-v2", input_size=32, num_classes=10),
}

# %% Each is traced once; every count reads that graph.
print(f"{'':<20}{'MACs':>12}{'parameters':>12}{'energy':>10}  of it memory")
for name, network in networks.items():
    graph = microbotnet.trace(network.eval(), (3, 32, 32))
    energy = microbotnet.estimate_energy(graph, "horowitz-45nm")
    print(
        f"{name:<20}{microbotnet.count_macs(graph):>12,}{graph.parameter_count:>12,}"
        f"{energy.total / 1e6:>7.2f} µJ{energy.memory_share:>14.0%}"
    )

# %% Where does mine spend it? The three heaviest layers.
costs = microbotnet.profile(microbotnet.trace(mine, (3, 32, 32)))
heaviest = sorted(costs.layers, key=lambda layer: -sum(layer.energy_pj.values()))[:3]
for layer in heaviest:
    print(f"{layer.step.name}: {layer.macs['conv_linear']:,} MACs, {sum(layer.energy_pj.values()) / 1e6:.2f} µJ")
