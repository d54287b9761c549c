"""A design's trained network for pictures of twice the side, at nearly the same cost: is the input's size the limit?

    python benchmarks/larger_pictures.py grain-m runs/grain-m-64/model.safetensors
    microbotnet train transfer --from runs/grain-m-64/model.safetensors --data micro-robot/outdoor --holdout 500

Its stem of 3×3 in steps of 2 becomes one of 7×7 in steps of 4 whose every weight is spread over 2×2 pixels, so that it
begins as the same function of the picture shrunk to half (the mean of 2×2); training may then use the detail.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import torch
from torch.nn import functional as F

from microbotnet.cost.macs import count_macs
from microbotnet.design import design_from
from microbotnet.graph.trace import trace
from microbotnet.nets.designed import Designed
from microbotnet.training.checkpoint import load_checkpoint, save_checkpoint

STEM = "features.0.0.weight"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", help="of a design with a stem of 3×3 in steps of 2")
    parser.add_argument("out", type=Path, help="the .safetensors to write")
    given = parser.parse_args()
    small = load_checkpoint(given.checkpoint)
    made = small.card["architecture"]
    design = design_from(made["design"])
    if (design.stem.kernel, design.stem.stride) != (3, 2):
        parser.error("its stem is not of 3×3 in steps of 2")
    side = 2 * made["input_size"]
    design = replace(design, resolution=side, stem=replace(design.stem, kernel=7, stride=4))
    model = Designed(design, num_classes=made["num_classes"]).eval()
    state = small.model.state_dict()
    spread = state[STEM].repeat_interleave(2, 2).repeat_interleave(2, 3) / 4
    model.load_state_dict({**state, STEM: F.pad(spread, (1, 0, 1, 0))})

    pictures = torch.randn(4, 3, side, side, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        torch.testing.assert_close(model(pictures), small.model(F.avg_pool2d(pictures, 2)), atol=1e-4, rtol=1e-4)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    architecture = made | {"name": f"{made['name']}-{side}", "input_size": side, "design": design.to_json()}
    save_checkpoint(given.out, model, {**small.card, "architecture": architecture, "metrics": {}})
    print(f"{given.out}: {side}×{side} pixels, {count_macs(trace(model, (3, side, side))):,} MACs (conv_linear)")


if __name__ == "__main__":
    main()
