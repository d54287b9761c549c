"""A training of seconds, as processes of its own, which end with SIGKILL at a step, or −1: with the training.

python train_small.py FOLDER DEVICES KILL_AT… prints how each ended, minus the signal's number, or 0.
"""

import json
import os
import signal
import sys
import traceback
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


def ended(folder: Path, devices: int, kill_at: int) -> int:
    """How a process ends that does nothing else. It is a copy of this one, in which all is imported already."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        main(folder, devices, kill_at)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":
    folder, devices, *kills = sys.argv[1:]
    if int(devices) > 1:  # of which each runs this very command
        main(Path(folder), int(devices), *map(int, kills))
    else:
        print(*(ended(Path(folder), 1, int(kill_at)) for kill_at in kills))
