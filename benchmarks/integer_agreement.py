"""How often the integer program of a checkpoint names the class that the rounded PyTorch network names.

    python benchmarks/integer_agreement.py [--data FOLDER] [--pictures 10000] [CHECKPOINT …]

Activations of a checkpoint trained without them are calibrated with the first 1,000 training pictures. The network it
is held against has the same activations, and kernels that are not ternary at 8 bits.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import nn

from microbotnet.data.augment import Batches
from microbotnet.data.cifar10 import load_cifar10
from microbotnet.integer.checkpoint import lower_checkpoint
from microbotnet.integer.interpreter import run
from microbotnet.quant.uniform import uniform
from microbotnet.training.checkpoint import load_checkpoint

BATCH = 250
AGREEMENT, LOSS = 99.5, 0.3  # percent of the pictures; points


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("checkpoints", nargs="*", default=["microbotnet-0.32"])
    parser.add_argument("--data", type=Path, help="CIFAR-10's folder")
    parser.add_argument("--pictures", type=int, default=10_000)
    options = parser.parse_args()
    calibration = load_cifar10(options.data, "train")[0][:1000].numpy()
    images, labels = (values[: options.pictures] for values in load_cifar10(options.data, "test"))
    for name in options.checkpoints:
        loaded = load_checkpoint(name)
        for layer in loaded.model.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear) and len(layer.weight.detach().abs().unique()) > 2:
                layer.weight.data = uniform(layer.weight.data)
        program = lower_checkpoint(loaded, calibration)
        batches = Batches(images, loaded.card["data"]["mean"], loaded.card["data"]["std"])
        ours, theirs = [], []
        with torch.inference_mode():
            for index in torch.split(torch.arange(len(images)), BATCH):
                theirs.append(loaded.model(batches.take(index)).argmax(1).numpy())
                ours.append(run(program, images[index].numpy()).argmax(1))
        integers, rounded = np.concatenate(ours), np.concatenate(theirs)
        same = 100 * float((integers == rounded).mean())
        scores = [100 * float((answer == labels.numpy()).mean()) for answer in (integers, rounded)]
        met = same >= AGREEMENT and scores[0] >= scores[1] - LOSS
        print(
            f"{name}: same class {same:.2f} % of {len(images):,}; top-1 integers {scores[0]:.2f} %, "
            f"rounded PyTorch {scores[1]:.2f} %; {'within' if met else 'OUTSIDE'} the bar of {AGREEMENT} % and {LOSS} "
            "points"
        )


if __name__ == "__main__":
    main()
