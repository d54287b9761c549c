"""Which activation map points at the object: on training pictures of frogs with boxes drawn around them.

    python benchmarks/activation_maps.py --data FOLDER    # the folder with tiny-imagenet-200

The network, trained on CIFAR-10, has seen neither the pictures nor the boxes. For each formula and layer: the mean
share of the map that lies in the box, and how often its highest point does, beside a map that is the same everywhere.
Pictures whose box is over 60 % of them are left out.
"""

import argparse
import os
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from microbotnet.data.augment import Batches
from microbotnet.preprocessing import read_picture
from microbotnet.training.checkpoint import load_checkpoint

FROGS = "tiny-imagenet-200/train/n01644900"
LAYERS = ("features.1.conv.2", "features.2.conv.2", "features.6.conv.2", "features.10.conv.2", "features.11.2")


def boxes(folder: Path) -> tuple[Tensor, Tensor]:
    """The pictures, N×3×32×32 uint8, and where their boxes are, N×32×32 of 0 and 1."""
    rows = [line.split() for line in (folder / "n01644900_boxes.txt").read_text().splitlines()]
    pictures = np.stack([read_picture(folder / "images" / row[0], 32) for row in rows])
    masks = torch.zeros(len(rows), 32, 32)
    for mask, (left, top, right, bottom) in zip(masks, ([int(v) // 2 for v in row[1:]] for row in rows), strict=True):
        mask[top : bottom + 1, left : right + 1] = 1
    small = masks.mean((1, 2)) < 0.6
    return torch.from_numpy(pictures)[small], masks[small]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=os.environ.get("MICROBOTNET_DATA", "."))
    folder = parser.parse_args().data / FROGS
    if not folder.is_dir():
        parser.error(f"{folder}: no such folder; name the one that holds tiny-imagenet-200")
    pictures, masks = boxes(folder)
    loaded = load_checkpoint()
    data = loaded.card["data"]
    kept: dict[str, Tensor] = {}
    for name in LAYERS:
        module = loaded.model.get_submodule(name)
        module.register_forward_hook(lambda module, inputs, output, name=name: kept.update({name: output}))
    batch = Batches(pictures, data["mean"], data["std"]).take(torch.arange(len(pictures)))
    frog = loaded.model(batch)[:, data["classes"].index("frog")]
    gradients = torch.autograd.grad(frog.sum(), [kept[name] for name in LAYERS])
    print(f"{len(pictures)} pictures; a map that is the same everywhere: {100 * masks.mean():.1f} % in the box")
    print(f"{'layer':20} {'map':>6}  {'formula':10} {'in the box':>10} {'highest point':>14}")
    for name, gradient in zip(LAYERS, gradients, strict=True):
        maps = kept[name].detach()
        formulas = {
            "Grad-CAM": (maps * gradient.mean((2, 3), keepdim=True)).sum(1),
            "HiResCAM": (maps * gradient).sum(1),
            "LayerCAM": (maps * F.relu(gradient)).sum(1),
        }
        for formula, heat in formulas.items():
            large = F.interpolate(F.relu(heat)[:, None], (32, 32), mode="bilinear", align_corners=False)[:, 0]
            total = large.sum((1, 2))
            share = ((large * masks).sum((1, 2)) / total.clamp_min(1e-9))[total > 0].mean()
            hit = masks.flatten(1).gather(1, large.flatten(1).argmax(1, keepdim=True))[total > 0].mean()
            cells = f"{maps.shape[2]}×{maps.shape[3]}"
            print(f"{name:20} {cells:>6}  {formula:10} {100 * share:9.1f} % {100 * hit:12.1f} %")


if __name__ == "__main__":
    main()
