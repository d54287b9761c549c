"""Weights of −1, 0 and +1: why rounding alone fails, and training with rounded weights does not.

    python examples/ternary_training.py

The pictures are drawn here, so that nothing is downloaded: bars at four angles, under noise.
"""

# %% Pictures, normalised: (N, 1, 16, 16).
import copy

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

import microbotnet

random = np.random.default_rng(0)
truth = random.integers(0, 4, 1200)
steps = [(0, 1), (1, 0), (1, 1), (1, -1)]  # rows and columns from a bar's point to its next
x = torch.from_numpy(random.normal(0, 0.6, (1200, 1, 16, 16)).astype(np.float32))
for i, kind in enumerate(truth):
    for t in range(-4, 5):
        row, column = (8 + t * step + shift for step, shift in zip(steps[kind], random.integers(-1, 2, 2), strict=True))
        x[i, 0, row % 16, column % 16] += 1.5
y = torch.from_numpy(truth)
train, test = slice(0, 1000), slice(1000, 1200)


def fit(model: nn.Module, epochs: int, rate: float) -> None:
    """An ordinary loop."""
    optimizer = torch.optim.AdamW(model.parameters(), rate)
    model.train()
    for _ in range(epochs):
        for batch in torch.randperm(1000).split(100):
            optimizer.zero_grad()
            cross_entropy(model(x[train][batch]), y[train][batch]).backward()
            optimizer.step()
    model.eval()


def score(model: nn.Module) -> float:
    """Percent of the test pictures."""
    with torch.no_grad():
        return 100 * float((model(x[test]).argmax(1) == y[test]).float().mean())


# %% Floats first.
torch.manual_seed(0)
model = nn.Sequential(
    nn.Conv2d(1, 12, 3, 2, 1, bias=False), nn.BatchNorm2d(12), nn.ReLU(),
    nn.Conv2d(12, 24, 3, 2, 1, bias=False), nn.BatchNorm2d(24), nn.ReLU(),
    nn.Conv2d(24, 24, 3, 1, 1, bias=False), nn.BatchNorm2d(24), nn.ReLU(),
    nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(24, 4),
)  # fmt: skip
fit(model, 12, 0.01)
print(f"floats: {score(model):.1f} %")

# %% Rounding alone: every weight jumps to the nearest of three values at once, and the batch norms' statistics are
# still those of the floats.
ternary = copy.deepcopy(model)
kernels = microbotnet.quantize(ternary, "all", "one-negative-one", (1, 16, 16))
print(f"rounded, {len(kernels)} kernels: {score(ternary):.1f} %")

# %% Training with rounded weights. Each forward pass uses −1, 0 and +1; the gradient goes to the full-precision kernel
# behind them as if there had been no rounding (the straight-through estimator). Small steps add up there until a weight
# crosses the threshold, and everything else, batch norms above all, learns to live with what the three values compute.
layers = {kernel.name: ternary.get_submodule(kernel.name) for kernel in kernels}
before = {name: layer.weight.sign() for name, layer in layers.items()}
fit(ternary, 8, 0.003)
print(f"trained so: {score(ternary):.1f} %")
for name, layer in layers.items():
    zeros, moved = (layer.weight == 0).float().mean(), (layer.weight.sign() != before[name]).float().mean()
    print(f"layer {name}: {float(zeros):.0%} zeros, {float(moved):.0%} of its weights changed")

# %% `bake` puts the three values in the weights' place: what is left is an ordinary module, ready for `to_program`.
baked = microbotnet.bake(ternary)
print(f"values of layer 3: {baked[3].weight.detach().unique().tolist()}; {score(baked):.1f} %, as before")
