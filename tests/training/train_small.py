"""A training of seconds, run as a process of its own: python train_small.py FOLDER DEVICES KILL_AT_STEP."""

import json
import os
import signal
import sys
from pathlib import Path

import torch

from microbotnet.nets import create_model
from microbotnet.training.checkpoint import save_checkpoint
from microbotnet.training.launch import make_fabric
from microbotnet.training.loop import TrainingSet, train
from microbotnet.training.recipe import Recipe


def pictures(count: int) -> TrainingSet:
    random = torch.Generator().manual_seed(7)
    labels = torch.arange(count) % 10
    images = torch.randint(0, 120, (count, 3, 32, 32), generator=random) + 12 * labels[:, None, None, None]
    return TrainingSet("made up", images.to(torch.uint8), labels, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25))


RECIPE = Recipe(
    epochs=4, batch=64, learning_rate=0.05, warmup=0.2, average=0.9, nesterov=True, holdout=64, decay_norms=False
)


def main(folder: Path, devices: int, kill_at: int) -> None:
    fabric = make_fabric("cpu", devices)
    torch.manual_seed(3)
    model = create_model("microbotnet", width=0.25)

    def on_step(done: int, total: int) -> None:
        if done == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    kept, history = train(model, pictures(384), RECIPE, folder, seed=3, fabric=fabric, on_step=on_step)
    if fabric.is_global_zero:
        save_checkpoint(folder / "model.safetensors", kept, {})
        (folder / "history.json").write_text(json.dumps(history))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
