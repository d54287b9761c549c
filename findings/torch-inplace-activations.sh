#!/usr/bin/env bash
# Half of torch's in-place activations save no memory in training.
#
# Guess: nn.Hardswish(inplace=True) needs no tensor of its own, as nn.ReLU(inplace=True) needs none.
# Seen:  where the gradient needs the input, autograd keeps a copy of it: ReLU6, Hardtanh, Hardswish, Hardsigmoid, SiLU
#        and Mish in place allocate 4 MiB for a tensor of 4 MiB, as out of place. ReLU, LeakyReLU, ELU, CELU and SELU
#        allocate none. Without gradients none of them does.
# With:  numpy==2.4.6, torch==2.13.0 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check numpy==2.4.6 torch==2.13.0
cd "$room"
"$room/venv/bin/python" - <<'END'
import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile

KINDS = (nn.ReLU, nn.LeakyReLU, nn.ELU, nn.CELU, nn.SELU, nn.ReLU6, nn.Hardtanh, nn.Hardswish, nn.Hardsigmoid, nn.SiLU, nn.Mish)


def allocated(kind, gradients):
    """MiB that a pass over 4 MiB allocates, in place."""
    with torch.set_grad_enabled(gradients):
        x = torch.randn(1 << 20, requires_grad=gradients) * 1.0
        activation = kind(inplace=True)
        with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
            activation(x)
    return sum(max(0, event.self_cpu_memory_usage) for event in seen.key_averages()) >> 20


training = {kind.__name__: allocated(kind, True) for kind in KINDS}
print("MiB in training:", training)
assert [name for name, size in training.items() if size == 0] == ["ReLU", "LeakyReLU", "ELU", "CELU", "SELU"]
assert all(size in (0, 4) for size in training.values())
assert all(allocated(kind, False) == 0 for kind in KINDS)
END
