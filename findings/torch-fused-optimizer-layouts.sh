#!/usr/bin/env bash
# torch: on the CPU an optimizer with fused=True pairs weights and state in the order of memory: in two layouts, wrong weights move.
#
# Guess: fused=True is the same optimizer, only faster.
# Seen:  A convolution is trained three steps, its optimizer is saved, the network is put into channels_last, the state is loaded,
#        and three more steps are taken. SGD with momentum, Adam, AdamW and Adagrad with fused=True then make other weights than
#        fused=False, off by up to 0.16 at a learning rate of 0.05: each weight gets another weight's momentum, and nothing is
#        said. So it is the other way round, from channels_last to the usual layout, and with gradients that were set by hand
#        in another layout than the weight's. With one layout from the start, or with foreach=True, all agree.
# With:  numpy==2.4.6, torch==2.13.0 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check numpy==2.4.6 torch==2.13.0
cd "$room"
"$room/venv/bin/python" -W ignore - <<'END'
import torch
from torch import nn

USUAL, LAST = torch.contiguous_format, torch.channels_last


def weights(name, arguments, layouts, **way):
    """Three steps in each layout, the optimizer's state being saved and loaded in between; the weights at the end."""
    torch.manual_seed(0)
    network = nn.Conv2d(3, 4, 3)
    random = torch.Generator().manual_seed(0)
    state = None
    for layout in layouts:
        network = network.to(memory_format=layout)
        optimizer = getattr(torch.optim, name)(network.parameters(), lr=0.05, **arguments, **way)
        if state:
            optimizer.load_state_dict(state)
        for _ in range(3):
            optimizer.zero_grad()
            network(torch.randn(2, 3, 8, 8, generator=random)).square().mean().backward()
            optimizer.step()
        state = optimizer.state_dict()
    return network.weight.detach().contiguous()


def by_hand(fused):
    """One step of SGD without momentum, of a weight in channels_last with a gradient in the usual layout."""
    weight = torch.zeros(4, 3, 3, 3).to(memory_format=LAST).requires_grad_()
    weight.grad = torch.arange(108.0).reshape(4, 3, 3, 3)
    torch.optim.SGD([weight], lr=1.0, fused=fused).step()
    return weight.detach().contiguous().flatten()


print("torch", torch.__version__.split("+")[0])
for name, arguments in (("SGD", {"momentum": 0.9}), ("Adam", {}), ("AdamW", {}), ("Adagrad", {})):
    for layouts in ((USUAL, LAST), (LAST, USUAL), (USUAL, USUAL), (LAST, LAST)):
        right = weights(name, arguments, layouts, foreach=False, fused=False)
        off = abs(weights(name, arguments, layouts, fused=True) - right).max().item()
        other = abs(weights(name, arguments, layouts, foreach=True) - right).max().item()
        text = " then ".join("channels_last" if layout == LAST else "usual" for layout in layouts)
        print(f"{name}, {text}: fused is off by {off:.2g}, foreach by {other:.2g}")
        assert other < 1e-5
        assert off < 1e-5 if layouts[0] == layouts[1] else off > 0.01
right, seen = by_hand(False), by_hand(True)
print("SGD, gradient 0 to 5 set by hand, moves by", *(-right[:6]).tolist(), "; fused by", *(-seen[:6]).tolist())
assert right.tolist() == [-i for i in range(108)]
assert seen.tolist() != right.tolist() and sorted(seen.tolist()) == sorted(right.tolist())
END
