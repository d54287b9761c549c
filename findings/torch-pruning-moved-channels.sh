#!/usr/bin/env bash
# torch-pruning: where channels change their places between two layers, the second layer loses the weights of other channels.
#
# Guess: a channel that is zero can be removed, with all that depends on it, and the network answers the same; "DepGraph" finds
#        what depends on it, or says that it cannot.
# Seen:  Channels 0 and 4 of a convolution are zero, and are removed. After channel_shuffle (ShuffleNet), F.pad in front of the
#        channels (the shortcut of the first ResNets for CIFAR), flip, roll, and permute with flatten (a classifier that was
#        trained on channels last) the next layer loses the weights for the places 0 and 4, which other channels have by then:
#        the shapes fit, check_pruning_group says yes, nothing is said, and the answer is another one. With concat, plain flatten,
#        and a depthwise layer the answer stays as it was.
# With:  numpy==2.4.6, torch==2.13.0, torch-pruning==1.6.1 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check numpy==2.4.6 torch==2.13.0 torch-pruning==1.6.1
cd "$room"
"$room/venv/bin/python" -W ignore - 2>messages <<'END' || { cat messages; exit 1; }
from importlib.metadata import version

import torch
import torch_pruning
from torch import nn
from torch.nn import functional as F

ZERO = [0, 4]


class Network(nn.Module):
    """A convolution, something that may move its channels, and the next layer."""

    def __init__(self, between, last, middle=None):
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.between, self.last, self.middle = between, last, middle

    def forward(self, x):
        x = self.first(x)
        return self.last(self.between(x if self.middle is None else self.middle(x)))


def convolution(channels=8):
    return nn.Conv2d(channels, 5, 3, padding=1)


def networks():
    yield "as they are", True, Network(lambda x: x, convolution())
    yield "concat", True, Network(lambda x: torch.cat([x, x.relu()], 1), convolution(16))
    yield "flatten", True, Network(lambda x: x.flatten(1), nn.Linear(8 * 36, 5))
    yield "depthwise", True, Network(lambda x: x, convolution(), nn.Conv2d(8, 8, 3, padding=1, groups=8, bias=False))
    yield "channel_shuffle", False, Network(lambda x: F.channel_shuffle(x, 2), convolution())
    yield "pad of 2 channels", False, Network(lambda x: F.pad(x, (0, 0, 0, 0, 2, 2)), convolution(12))
    yield "flip", False, Network(lambda x: x.flip(1), convolution())
    yield "roll", False, Network(lambda x: x.roll(3, 1), convolution())
    yield "permute, flatten", False, Network(lambda x: x.permute(0, 2, 3, 1).flatten(1), nn.Linear(8 * 36, 5))


torch.manual_seed(0)
picture = torch.randn(2, 3, 6, 6)
print("torch-pruning", version("torch-pruning"))
for name, same, network in networks():
    network.eval()
    with torch.no_grad():
        network.first.weight[ZERO] = 0
        network.first.bias[ZERO] = 0
    before = network(picture)
    graph = torch_pruning.DependencyGraph().build_dependency(network, example_inputs=picture)
    group = graph.get_pruning_group(network.first, torch_pruning.prune_conv_out_channels, idxs=ZERO)
    assert graph.check_pruning_group(group)
    group.prune()
    off = abs(network(picture) - before).max().item()
    print(f"{name}: without channels 0 and 4, which were zero, the answer is off by {off:.2g}")
    assert off < 1e-5 if same else off > 0.05
END
