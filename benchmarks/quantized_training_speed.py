"""What quantized kernels cost in training: a step with them against a step of the same network in float.

    python benchmarks/quantized_training_speed.py [--net grain-m | --width 0.32] [--rounds 7]

Every way runs `microbotnet train modern`'s own loop, but for the last: `tutorial` is how TTQ is usually written, with
three optimizers and a Python loop over the layers that computes gradients, hands them over and writes the quantized
kernels back after every step. It is held against the same plain loop in float, with our batches and our depthwise
gradients in both, so that only the manner differs. The ways take turns. Steps are timed by eights, for every eighth
looks at the ranges of activations. A round's figure is the median eight's mean step, in processor time, since other
work on the machine does not count in it; the ratio is the median of the rounds'. Pictures are random: their content
does not change the work.
"""

import argparse
import contextlib
import itertools
import statistics
import tempfile
import time
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from microbotnet import create_model
from microbotnet.data.augment import Batches, draw_view
from microbotnet.data.cifar10 import MEAN, STD
from microbotnet.quant import load_policy, quantize
from microbotnet.quant.activations import quantize_activations
from microbotnet.quant.policy import choose
from microbotnet.training.cpu import faster_on_cpu
from microbotnet.training.loop import TrainingSet, train
from microbotnet.training.recipe import load_recipe

BATCH, WARM_UP, STEPS, EVERY = 128, 3, 24, 8
BAR = 1.25
Way = tuple[str, str, int | None]  # policy, quantizer, bits of the activations
WAYS: dict[str, Way] = {
    "ttq, notes": ("notes", "ttq", None),
    "one-negative-one, notes-scaled": ("notes-scaled", "one-negative-one", None),
    "one-negative-one, pointwise": ("pointwise", "one-negative-one", None),
    "one-negative-one, all": ("all", "one-negative-one", None),
    "ttq, all": ("all", "ttq", None),
    "one-negative-one, pointwise, 8-bit activations": ("pointwise", "one-negative-one", 8),
}
TUTORIAL = "tutorial: ttq, notes"


class _EnoughError(Exception):
    pass


def _net(name: str, width: float) -> nn.Module:
    return create_model(name, width=width) if name == "microbotnet" else create_model(name)


def mean_step(times: list[float]) -> float:
    """Of the median eight steps."""
    eights = times[WARM_UP - 1 :: EVERY]
    return statistics.median(b - a for a, b in itertools.pairwise(eights)) / EVERY


def loop(images: Tensor, labels: Tensor, name: str, width: float, way: Way | None) -> float:
    """Seconds of processor a step of the package's loop."""
    times = []

    def on_step(done: int, total: int) -> None:
        times.append(time.process_time())
        if done == WARM_UP + STEPS:
            raise _EnoughError

    model = _net(name, width)
    if way:
        policy, quantizer, bits = way
        quantize(model, policy, quantizer)
        if bits:
            quantize_activations(model, bits)
    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(_EnoughError):
        pictures = TrainingSet("random", images, labels, MEAN, STD)
        train(model, pictures, load_recipe("modern"), Path(folder), on_step=on_step)
    return mean_step(times)


def tutorial(images: Tensor, labels: Tensor, name: str, width: float, policy: str | None) -> float:
    """Seconds of processor a step of TTQ with three optimizers; without a policy, of float with one."""

    def quantized(full: Tensor, scales: Tensor) -> Tensor:
        delta = 0.05 * full.abs().max()
        return scales[0] * (full > delta).float() - scales[1] * (full < -delta).float()

    model = _net(name, width).to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    chosen = choose(model, load_policy(policy)).chosen if policy else ()
    kernels = [model.get_submodule(kernel.name).weight for kernel in chosen]
    copies = [kernel.data.clone().requires_grad_() for kernel in kernels]
    scales = [torch.ones(2, requires_grad=True) for _ in kernels]
    others = [p for p in model.parameters() if not any(p is kernel for kernel in kernels)]
    optimizers = [torch.optim.Adam(group, lr=1e-3) for group in (others, copies, scales) if group]
    batches = Batches(images, MEAN, STD, pad=4)
    view = draw_view(len(labels), 4, True, 0, 0)
    times = []
    for index in torch.randperm(len(labels)).split(BATCH)[: WARM_UP + STEPS]:
        model.zero_grad()
        with faster_on_cpu():
            logits = model(batches.take(index, view))
        F.cross_entropy(logits, labels[index]).backward()
        for kernel, full, pair in zip(kernels, copies, scales, strict=True):
            delta = 0.05 * full.data.abs().max()
            a, b = (full.data > delta).float(), (full.data < -delta).float()
            c = torch.ones_like(full.data) - a - b
            full.grad = pair.data[0] * a * kernel.grad + pair.data[1] * b * kernel.grad + c * kernel.grad
            pair.grad = torch.tensor([(a * kernel.grad).sum().item(), (b * kernel.grad).sum().item()])
        for optimizer in optimizers:
            optimizer.step()
        for kernel, full, pair in zip(kernels, copies, scales, strict=True):
            kernel.data = quantized(full.data, pair.data)
        times.append(time.process_time())
    return mean_step(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--net", default="microbotnet")
    parser.add_argument("--width", type=float, default=0.32, help="of microbotnet")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    images = torch.randint(0, 256, (BATCH * (WARM_UP + STEPS), 3, 32, 32), dtype=torch.uint8)
    labels = torch.randint(0, 10, (len(images),))
    work = images, labels, options.net, options.width
    torch.set_num_threads(1)
    ratios: dict[str, list[float]] = {name: [] for name in (*WAYS, TUTORIAL)}
    for i in range(options.rounds):
        base = loop(*work, None)
        for name, way in WAYS.items():
            ratios[name].append(loop(*work, way) / base)
        ratios[TUTORIAL].append(tutorial(*work, "notes") / tutorial(*work, None))
        print(
            f"round {i + 1}: float {1000 * base:.1f} ms a step; " + ", ".join(f"{r[-1]:.2f}" for r in ratios.values())
        )
    for name, found in ratios.items():
        middle = statistics.median(found)
        bar = "" if name == TUTORIAL else f"  {'within' if middle <= BAR else 'OVER'} the bar of {BAR}"
        print(f"{name:46} {middle:.2f}× float ({min(found):.2f} to {max(found):.2f}){bar}")


if __name__ == "__main__":
    main()
