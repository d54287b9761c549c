"""Checkpoints: weights as safetensors, what they are as a JSON card beside them.

The weights of the notes, PyTorch pickles, are read too, but only as data: `weights_only=True` refuses code.
"""

import json
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from ..atomic import write_atomically
from ..compress.file import SUFFIX, read_compressed
from ..data.cifar10 import CLASSES, MEAN, STD
from ..design import design_from
from ..errors import BadInput
from ..nets import create_model
from ..quant.activations import quantize_activations
from ..weights import DEFAULT, shipped_cards, shipped_file

PUBLISHED_WIDTHS = (0.25, 0.32, 0.5, 1.0)
_STRAY = ("total_ops", "total_params")


@dataclass(frozen=True)
class Checkpoint:
    """A network with its trained weights, in eval mode, and its card.

    The card's `architecture` holds `create_model`'s arguments; `data` the classes, mean and std.
    """

    model: nn.Module
    card: dict[str, Any]


def save_checkpoint(path: Path, model: nn.Module, card: Mapping[str, Any]) -> None:
    """Write `path` (.safetensors) and the card beside it (.json), each atomically."""
    tensors = {key: value.detach().cpu().contiguous() for key, value in model.state_dict().items()}
    write_atomically(path.with_suffix(".json"), (json.dumps(card, indent=2, ensure_ascii=False) + "\n").encode())
    write_atomically(path, save(tensors))


def load_checkpoint(name: str | Path = DEFAULT, architecture: Mapping[str, Any] | None = None) -> Checkpoint:
    """Load shipped weights by name, a checkpoint of ours (.safetensors, .mbz), or a published PyTorch state dict.

    Args:
        name: a name of `shipped_cards()` or a file.
        architecture: `create_model`'s arguments, for files without a card; None finds the MicroBotNet that fits.

    Raises:
        BadInput: no such name or file; a damaged file (with the place); a pickle that carries code; keys that are
            missing, unknown or of another shape (named).
    """
    cards = shipped_cards()
    if str(name) in cards:
        return _from_safetensors(shipped_file(str(name)), cards[str(name)])
    path = Path(name)
    if not path.is_file():
        what = "is a folder, not a checkpoint" if path.is_dir() else "no such checkpoint"
        raise BadInput(f"{path}: {what}; give a file or one of: {', '.join(cards)}")
    if path.suffix == ".safetensors":
        return _from_safetensors(path, _read_card(path.with_suffix(".json")))
    if path.suffix == SUFFIX:
        tensors, card = read_compressed(path)
        state = {key: torch.from_numpy(values) for key, values in tensors.items()}
        card = _checked_card(card, path)
        return Checkpoint(_filled(_network(card), state, str(path)), card)
    state = _published_state(path)
    architecture = dict(architecture or _recognise(state, path))
    card = {"architecture": architecture, "data": {"name": "cifar10", "classes": CLASSES, "mean": MEAN, "std": STD}}
    return Checkpoint(_filled(create_model(**architecture), state, str(path)), card)


def _from_safetensors(path: Traversable, card: dict[str, Any]) -> Checkpoint:
    try:
        state = load(path.read_bytes())
    except SafetensorError as error:
        raise BadInput(f"{path}: damaged safetensors file ({len(path.read_bytes())} bytes): {error}") from None
    return Checkpoint(_filled(_network(card), state, str(path)), card)


def activation_bits(card: Mapping[str, Any]) -> int | None:
    """What the activations were rounded to in training; None if they were not."""
    quantization = card.get("quantization")
    activations = quantization.get("activations") if isinstance(quantization, dict) else None
    return None if activations is None else int(activations["bits"])


def has_quantized_kernels(card: Mapping[str, Any]) -> bool:
    """Whether a policy chose kernels that hold only quantized values."""
    quantization = card.get("quantization")
    return isinstance(quantization, dict) and quantization.get("policy", "none") != "none"


def _network(card: Mapping[str, Any]) -> nn.Module:
    architecture = card["architecture"]
    model = create_model(**architecture)
    if bits := activation_bits(card):
        quantize_activations(model, bits, (3, architecture["input_size"], architecture["input_size"]))
    return model


def _read_card(path: Path) -> dict[str, Any]:
    try:
        card = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise BadInput(f"{path}: missing; a checkpoint needs its card beside it") from None
    except ValueError as error:
        raise BadInput(f"{path}: not a JSON card: {error}") from None
    return _checked_card(card, path)


def _checked_card(card: Any, path: Path) -> dict[str, Any]:
    try:
        arguments = {"name": str, "width": float, "num_classes": int, "input_size": int}
        given = card["architecture"]
        card["architecture"] = {key: kind(given[key]) for key, kind in arguments.items()}
        if "design" in given:
            card["architecture"]["design"] = design_from(given["design"], str(path)).to_json()
        for key, kind in {"classes": str, "mean": float, "std": float}.items():
            card["data"][key] = [kind(value) for value in card["data"][key]]
        activation_bits(card)
    except (KeyError, TypeError, ValueError) as error:
        raise BadInput(f"{path}: field missing or wrong: {error}") from None
    return card  # type: ignore[no-any-return]


def _published_state(path: Path) -> dict[str, Tensor]:
    """The state dict in a PyTorch file, without wrapper, prefix and profiling buffers."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        with path.open("rb") as file:
            plain = file.read(2) in (b"\x80\x03", b"\x80\x04", b"\x80\x05")  # Python's own protocols; torch writes 2
        if plain or "GLOBAL" in str(error):  # GLOBAL: a name to call that weights never need
            raise BadInput(f"{path}: refused: the file carries code, not only weights; nothing of it was run") from None
        raise BadInput(f"{path}: not a PyTorch checkpoint, or cut short at byte {path.stat().st_size}") from None
    except (EOFError, RuntimeError, ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise BadInput(f"{path}: damaged or truncated at or before byte {path.stat().st_size}: {error}") from None
    if isinstance(content, dict) and isinstance(content.get("net"), dict):
        content = content["net"]
    if not isinstance(content, dict) or not all(isinstance(value, Tensor) for value in content.values()):
        raise BadInput(f"{path}: holds no state dict; expected tensors by name, or a dict with them under 'net'")
    return {
        key.removeprefix("module.").replace(".lastBN.", "."): value
        for key, value in content.items()
        if not key.endswith(_STRAY)
    }


def _recognise(state: Mapping[str, Tensor], path: Path) -> dict[str, Any]:
    """The arguments of the MicroBotNet whose tensors have these shapes."""
    head = state.get("classifier.1.bias")
    classes = len(head) if head is not None and head.ndim == 1 and len(head) else len(CLASSES)
    nearest: dict[str, Any] = {}
    most = -1
    for name in ("microbotnet", "microbotnet-large"):
        for width in PUBLISHED_WIDTHS:
            arguments: dict[str, Any] = {"name": name, "width": width, "num_classes": classes, "input_size": 32}
            wanted = create_model(**arguments).state_dict()
            same = sum(key in state and state[key].shape == value.shape for key, value in wanted.items())
            if same > most:
                nearest, most = arguments, same
    if most == 0:
        raise BadInput(f"{path}: no key of a MicroBotNet in it; its first is {next(iter(state), None)!r}")
    return nearest


def _filled(model: nn.Module, state: Mapping[str, Tensor], source: str) -> nn.Module:
    """`model` with `state` in it, in eval mode."""
    wanted = model.state_dict()
    for key, value in wanted.items():
        if key not in state and not key.endswith("num_batches_tracked"):
            raise BadInput(f"{source}: key {key!r} is missing")
        if key in state and state[key].shape != value.shape:
            raise BadInput(f"{source}: {key!r} has shape {tuple(state[key].shape)}, the network {tuple(value.shape)}")
    if unknown := state.keys() - wanted.keys():
        raise BadInput(f"{source}: key {min(unknown)!r} is not in the network")
    model.load_state_dict(wanted | dict(state))
    return model.eval()
