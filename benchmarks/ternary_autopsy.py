"""What the published ternary network's own weights say about why it lost 6.5 points; no training.

    python benchmarks/ternary_autopsy.py [--without-pictures]

Reads the published float network and the trained ternary one that was made from it (../shared/checkpoints). First,
which of its tensors the notes' training moved at all, and how far. Then the float network is quantized as it is, part
by part, and measured on CIFAR-10's test pictures: with its own batch-norm statistics, and with statistics taken anew
over 100 batches of training pictures. Nothing is chosen by these numbers.
"""

import argparse
import copy
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import update_bn

from microbotnet.data.augment import Batches, draw_view
from microbotnet.data.cifar10 import MEAN, STD, load_cifar10
from microbotnet.quant import bake, load_policy, quantize
from microbotnet.quant.policy import Policy, choose, kernels
from microbotnet.quant.ternary import TWN, OneNegativeOne, cutoff
from microbotnet.training.checkpoint import load_checkpoint
from microbotnet.training.loop import top1

PUBLISHED = Path(__file__).resolve().parents[2] / "shared" / "checkpoints"
FLOAT, TERNARY = "fd_mobilenetv3_x0_32.pth", "micro_large_conv_and_fc_ttq_x0_32.pytorch_state"
INSIDE = ("features.*.*.*",)
GATES = Policy("gates", kinds=("se",), over=1000, names=INSIDE)
CONVS = load_policy("notes-conv")
BOTH = load_policy("notes")

ones = partial(OneNegativeOne, scaled=False)
scaled = partial(OneNegativeOne, scaled=True)
WAYS: dict[str, list[tuple[Policy, Callable[[], nn.Module]]]] = {
    "float": [],
    "12 gates' linears to −1, 0, +1": [(GATES, ones)],
    "12 gates' linears to −α, 0, +α": [(GATES, scaled)],
    "19 convolutions to −1, 0, +1": [(CONVS, ones)],
    "19 convolutions to −α, 0, +α": [(CONVS, scaled)],
    "19 convolutions, threshold 0.7·mean (TWN)": [(CONVS, TWN)],
    "all 31 to −1, 0, +1: where the notes begin": [(BOTH, ones)],
    "all 31, α only in the gates: where notes-scaled begins": [(GATES, scaled), (CONVS, ones)],
}


def moved(before: dict[str, Tensor], after: dict[str, Tensor], layers: set[str]) -> None:
    """Print which tensors differ."""
    kinds: dict[str, list[str]] = {}
    for key, value in before.items():
        layer, _, role = key.rpartition(".")
        if role in ("running_mean", "running_var", "num_batches_tracked"):
            continue
        kind = "batch norm γ and β" if value.ndim == 1 and layer != "classifier.1" else "kernels left float"
        kind = "kernels made ternary" if layer in layers else "classifier" if layer == "classifier.1" else kind
        kinds.setdefault(kind, []).append(key if not torch.equal(value, after[key]) else "")
    for kind, keys in kinds.items():
        print(f"{kind}: {sum(map(bool, keys))} of {len(keys)} tensors moved")
    print("moved batch norms:", ", ".join(key[:-7] for key in kinds["batch norm γ and β"] if key.endswith(".weight")))


def values(before: dict[str, Tensor], after: dict[str, Tensor], kinds: dict[str, str]) -> None:
    """Print what the ternary kernels were, and became."""
    for title, wanted in (("convolutions", lambda kind: kind != "se"), ("gates", lambda kind: kind == "se")):
        rows = [(before[f"{n}.weight"], after[f"{n}.weight"]) for n, kind in kinds.items() if wanted(kind)]
        total = sum(w.numel() for w, _ in rows)
        under = sum(int((w.abs() <= cutoff(w, 0.05)).sum()) for w, _ in rows) / total
        zeros = sum(int((q == 0).sum()) for _, q in rows) / total
        alphas = [w.abs()[w.abs() > cutoff(w, 0.05)].mean().item() for w, _ in rows]
        apart = [abs(q.max() + q.min()).item() for _, q in rows]
        scales = [s.item() for _, q in rows for s in (q.max(), -q.min())]
        print(
            f"{title} ({len(rows)} kernels, {total:,} weights): "
            f"float weights up to Δ {under:.1%}, zeros after {zeros:.1%}; "
            f"mean of the float weights over Δ {min(alphas):.1e} to {max(alphas):.1e}, median {median(alphas):.1e}; "
            f"scales, begun at 1, {min(scales):.2f} to {max(scales):.2f}; |w_p − w_n| median {median(apart):.4f}, "
            f"at most {max(apart):.3f}; largest float weight under 1e-5 in "
            f"{sum(bool(w.abs().max() < 1e-5) for w, _ in rows)} kernels"
        )


def measure(model: nn.Module) -> None:
    """Print the test accuracy of each way."""
    images, labels = load_cifar10(None, "test")
    test = Batches(images, MEAN, STD)
    seen, _ = load_cifar10(None, "train")
    training = Batches(seen, MEAN, STD, pad=4)
    view = draw_view(len(seen), 4, True, 0, 0)
    order = torch.randperm(len(seen), generator=torch.Generator().manual_seed(0)).split(128)[:100]
    ternary = load_checkpoint(PUBLISHED / TERNARY).model
    for name, steps in [*WAYS.items(), ("the trained ternary network", None)]:
        twin = copy.deepcopy(model if steps is not None else ternary)
        for policy, quantizer in steps or []:
            quantize(twin, policy, quantizer)
        twin = bake(twin).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        score = top1(twin, test, labels)
        update_bn((training.take(index, view) for index in order), twin)
        print(f"{name}: {score:.2f} %, norms anew {top1(twin, test, labels):.2f} %", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--without-pictures", action="store_true", help="only look at the weights")
    options = parser.parse_args()
    model = load_checkpoint(PUBLISHED / FLOAT).model
    before, after = model.state_dict(), load_checkpoint(PUBLISHED / TERNARY).model.state_dict()
    kinds = {kernel.name: kernel.kind for kernel in choose(model, BOTH).chosen}
    moved(before, after, set(kinds))
    values(before, after, kinds)
    dead = [k.name for k in kernels(model) if before[f"{k.name}.weight"].abs().max() < 1e-5]
    print(f"{len(dead)} kernels of the float network are under 1e-5 everywhere: {', '.join(dead)}")
    if not options.without_pictures:
        measure(model)


if __name__ == "__main__":
    main()
