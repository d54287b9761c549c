"""Training pictures per second, against a plain PyTorch loop on the same network.

    python benchmarks/training_speed.py [--width 0.32] [--rounds 5] [--threads 1 2]

The plain loop is what tutorials write: each picture goes through Pillow (pad, random crop, flip, to tensor,
normalise) in a DataLoader with two workers, batch 128, default memory layout, SGD. Ours is `microbotnet train
modern`'s own loop. The two take turns, each in a process of its own, so that neither leaves settings to the other; the
figure is the median of the rounds' ratios. Threads are torch's in both; the plain loop's two workers come on top.
Pictures are random: their content does not change the work.
"""

import argparse
import contextlib
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from microbotnet import create_model
from microbotnet.data.cifar10 import MEAN, STD
from microbotnet.training.loop import TrainingSet, train
from microbotnet.training.recipe import load_recipe

BATCH, WARM_UP, STEPS = 128, 5, 30


class PlainPictures(Dataset[tuple[torch.Tensor, int]]):
    """One Pillow picture at a time, augmented as in the notes."""

    def __init__(self, images: torch.Tensor, labels: torch.Tensor) -> None:
        self.pictures = [Image.fromarray(image) for image in images.permute(0, 2, 3, 1).numpy()]
        self.labels = labels.tolist()

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, i: int) -> tuple[torch.Tensor, int]:
        padded = ImageOps.expand(self.pictures[i], 4)
        left, top = random.randint(0, 8), random.randint(0, 8)
        cut = padded.crop((left, top, left + 32, top + 32))
        if random.random() < 0.5:
            cut = ImageOps.mirror(cut)
        tensor = torch.from_numpy(np.array(cut)).permute(2, 0, 1).float() / 255
        return (tensor - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None], self.labels[i]


def plain(images: torch.Tensor, labels: torch.Tensor, width: float) -> float:
    """Pictures per second of the plain loop."""
    model = create_model("microbotnet", width=width).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)
    loader = DataLoader(PlainPictures(images, labels), batch_size=BATCH, shuffle=True, num_workers=2, drop_last=True)
    begun = 0.0
    for step, (inputs, targets) in enumerate(loader):
        if step == WARM_UP:
            begun = time.perf_counter()
        if step == WARM_UP + STEPS:
            break
        optimizer.zero_grad()
        F.cross_entropy(model(inputs), targets).backward()
        optimizer.step()
    return BATCH * STEPS / (time.perf_counter() - begun)


class _EnoughError(Exception):
    pass


def ours(images: torch.Tensor, labels: torch.Tensor, width: float) -> float:
    """Pictures per second of `microbotnet train modern`."""
    times = []

    def on_step(done: int, total: int) -> None:
        times.append(time.perf_counter())
        if done == WARM_UP + STEPS:
            raise _EnoughError

    pictures = TrainingSet("random", images, labels, MEAN, STD)
    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(_EnoughError):
        model = create_model("microbotnet", width=width)
        train(model, pictures, load_recipe("modern"), Path(folder), on_step=on_step)
    return BATCH * STEPS / (times[-1] - times[WARM_UP - 1])


LOOPS = {"plain": plain, "ours": ours}


def measure(name: str, width: float, threads: int) -> float:
    """Pictures per second of one loop, run in a process of its own."""
    command = [sys.executable, __file__, "--loop", name, "--width", str(width), "--threads", str(threads)]
    return float(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--width", type=float, default=0.32)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--loop", choices=LOOPS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.loop:
        torch.set_num_threads(options.threads[0])
        count = BATCH * (WARM_UP + STEPS + 5)
        images = torch.randint(0, 256, (count, 3, 32, 32), dtype=torch.uint8)
        print(LOOPS[options.loop](images, torch.randint(0, 10, (count,)), options.width))
        return
    for threads in options.threads:
        ratios = []
        for i in range(options.rounds):
            slow, fast = (measure(name, options.width, threads) for name in LOOPS)
            ratios.append(fast / slow)
            print(f"round {i + 1}: plain {slow:6.0f}, ours {fast:6.0f} pictures/s, ratio {ratios[-1]:.2f}", flush=True)
        print(
            f"microbotnet ×{options.width:g}, threads: {threads}: ours is {statistics.median(ratios):.2f}× the plain "
            f"loop (median of {options.rounds}; {min(ratios):.2f} to {max(ratios):.2f})",
            flush=True,
        )


if __name__ == "__main__":
    main()
