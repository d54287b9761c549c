"""The whole state of a training on disk, so that a killed one goes on as if nothing had happened."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from ..atomic import write_atomically
from ..errors import BadInput
from ..sealed import UNSEALED, read_sealed, sealed

State = dict[str, Tensor]


@dataclass
class Progress:
    """What a training knows besides tensors: epochs done, a record of each, and the best held-out top-1 (percent).

    threads: that it was found fastest with, and is gone on with, since sums depend on their number; None if that was
        not asked.
    """

    epochs: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)
    best: float = -1.0
    threads: int | None = None


def save_snapshot(
    path: Path,
    config: Mapping[str, Any],
    progress: Progress,
    states: Mapping[str, State],
    optimizer: torch.optim.Optimizer,
) -> None:
    """Write weights, averages and optimizer state, atomically.

    Args:
        config: what decides the training; `load_snapshot` refuses a snapshot of another one.
        states: named state dicts.
    """
    tensors = {f"{name}/{key}": value for name, state in states.items() for key, value in state.items()}
    for i, parameter in enumerate(_parameters(optimizer)):
        for key, value in optimizer.state.get(parameter, {}).items():
            tensors[f"optimizer/{i}/{key}"] = value
    tensors = {key: value.detach().cpu().contiguous() for key, value in tensors.items()}
    metadata = {"config": json.dumps(config), "progress": json.dumps(vars(progress))}
    write_atomically(path, sealed(save(tensors, metadata | UNSEALED)))


def load_snapshot(
    path: Path, config: Mapping[str, Any], optimizer: torch.optim.Optimizer
) -> tuple[Progress, dict[str, State]]:
    """Read what `save_snapshot` wrote: the progress and the named states; the optimizer's state is put back.

    Raises:
        BadInput: the file is damaged, or belongs to a training with another configuration; it names the difference.
    """
    try:
        content = read_sealed(path)
        tensors = load(content)
        metadata = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])["__metadata__"]
        theirs, progress = json.loads(metadata["config"]), Progress(**json.loads(metadata["progress"]))
    except (SafetensorError, OSError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise BadInput(f"{path}: not a snapshot of a training: {error}; delete it to begin again") from None
    ours = json.loads(json.dumps(config))
    for key in ours.keys() | theirs.keys():
        if ours.get(key) != theirs.get(key):
            raise BadInput(
                f"{path.parent} holds a training with {key} {theirs.get(key)!r}, not {ours.get(key)!r}; "
                "choose another --out folder, or delete this one to begin again"
            )
    states: dict[str, State] = {}
    parameters = _parameters(optimizer)
    for key, value in tensors.items():
        name, _, rest = key.partition("/")
        if name == "optimizer":
            i, _, slot = rest.partition("/")
            parameter = parameters[int(i)]
            optimizer.state[parameter][slot] = (
                torch.empty_like(parameter).copy_(value) if value.shape == parameter.shape else value
            )
        else:
            states.setdefault(name, {})[rest] = value
    return progress, states


def _parameters(optimizer: torch.optim.Optimizer) -> list[nn.Parameter]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]
