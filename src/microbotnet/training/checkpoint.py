"""Checkpoints: weights as safetensors, what they are as a JSON card beside them; others' weights by `state`."""

import copy
import difflib
import hashlib
import json
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import nn

from ..atomic import write_atomically
from ..compress.file import SUFFIX, read_compressed
from ..data.cifar10 import CLASSES, MEAN, STD
from ..data.source import CIFAR10
from ..design import design_from
from ..design.file import SUFFIXES as DESIGNS
from ..errors import BadInput
from ..hub.fetch import CARD, PREFIX, WEIGHTS, fetch_repository
from ..nets import architecture, create_model, find_net, input_shape_of, net_names, without_values
from ..plain import LARGEST_JSON, parse_json, read_text
from ..quant.activations import quantize_activations
from ..quant.policy import kernels
from ..weights import DEFAULT, shipped_cards, shipped_file
from .card import activation_bits, has_power_of_two_scales
from .outside import PACKAGES, read_outside
from .state import Mismatch, State, fitted, read_state

_ARGUMENTS = {"name": str, "width": float, "num_classes": int}
PUBLISHED_WIDTHS = (0.25, 0.32, 0.5, 1.0)


@dataclass(frozen=True)
class Checkpoint:
    """A network with its trained weights, in eval mode, and its card.

    The card's `architecture` holds `create_model`'s arguments; `data` the classes, mean and std.
    """

    model: nn.Module
    card: dict[str, Any]


def save_checkpoint(path: Path, model: nn.Module, card: Mapping[str, Any], card_file: Path | None = None) -> None:
    """Write `path` (.safetensors) and the card with its SHA-256, beside it (.json) or elsewhere; each atomically."""
    content = _content(model)
    written = {**card, "sha256": hashlib.sha256(content).hexdigest()}
    text = json.dumps(written, indent=2, ensure_ascii=False) + "\n"
    write_atomically(card_file or path.with_suffix(".json"), text.encode())
    write_atomically(path, content)


def digest(model: nn.Module) -> str:
    """The SHA-256 of the file that `save_checkpoint` writes of its weights."""
    return hashlib.sha256(_content(model)).hexdigest()


def _content(model: nn.Module) -> bytes:
    return save({key: value.detach().cpu().contiguous() for key, value in model.state_dict().items()})


def checked(model: nn.Module, card: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of the card, with which alone the network is made again.

    Raises:
        BadInput: a field is missing or wrong, or the card is of another network than `model`.
    """
    whole = _checked_card(copy.deepcopy(dict(card)), Path("the card"))
    wanted = {key: value.shape for key, value in _network(whole).state_dict().items()}
    there = {key: value.shape for key, value in model.state_dict().items()}
    if wanted != there:
        name = next(key for key in (*wanted, *there) if wanted.get(key) != there.get(key))
        raise BadInput(
            f"{name}: {_shape(there.get(name))} in the module, {_shape(wanted.get(name))} in a "
            f"{whole['architecture']['name']} as its card says; bake quantized kernels first, or mend the card"
        )
    return whole


def _shape(shape: Sequence[int] | None) -> str:
    return "not there" if shape is None else "×".join(map(str, shape)) or "one number"


def load_checkpoint(name: str | Path = DEFAULT, asked: Mapping[str, Any] | None = None) -> Checkpoint:
    """Load shipped weights by name, a checkpoint of ours (.safetensors, .mbz), or a state dict that others saved.

    Args:
        name: a name of `shipped_cards()` or of `outside.PACKAGES`, a file, a folder with a model.safetensors and its
            card, or, after "hf-hub:", a repository on the hub.
        asked: `create_model`'s arguments, for files without a card; without num_classes, as many as the weights have
            outputs. None finds the network of the zoo that fits.

    Raises:
        BadInput: no such name or file; a damaged file (with the place); a pickle that carries code; keys that are
            missing, unknown or of another shape, or values that no network can have (named).
        Failed: shipped weights that are not installed, or the hub cannot be reached.
    """
    cards = shipped_cards()
    if str(name) in cards:
        with as_file(shipped_file(str(name))) as file:
            card = cards[str(name)]
            return Checkpoint(_filled(_network(card), read_state(file), str(name)), card)
    if str(name) in PACKAGES:
        state, card = read_outside(str(name))
        with warnings.catch_warnings(action="ignore"):  # the names in it are others; that the order fits is known
            return Checkpoint(_filled(_network(card), state, str(name)), card)
    path = fetch_repository(str(name).removeprefix(PREFIX)) if str(name).startswith(PREFIX) else Path(name)
    if (path / WEIGHTS).is_file():
        path /= WEIGHTS
    if not path.is_file():
        what = f"is a folder without {WEIGHTS}" if path.is_dir() else "no such checkpoint"
        close = difflib.get_close_matches(str(name).lower(), cards, n=1, cutoff=0.6)
        hint = f"did you mean {close[0]!r}?" if close else f"give a file or one of: {', '.join(cards)}"
        raise BadInput(f"{path}: {what}; {hint}")
    if path.suffix in DESIGNS:
        weights = path.with_suffix(".safetensors")
        hint = (
            f"give {weights}" if weights.is_file() else f"train a design first: microbotnet train modern --net {path}"
        )
        raise BadInput(f"{path}: holds no weights; {hint}")
    if path.suffix == ".safetensors" and (asked is None or has_card(path)):
        card = _read_card(card_of(path))
        state = read_state(path)
        _check_digest(path, card)
        return Checkpoint(_filled(_network(card), state, path), card)
    if path.suffix == SUFFIX:
        tensors, card = read_compressed(path)
        state = {key: torch.from_numpy(values) for key, values in tensors.items()}
        card = _checked_card(card, path)
        return Checkpoint(_filled(_network(card), state, path), card)
    state = read_state(path)
    found = dict(asked) if asked is not None else _recognise(state, path)
    if "num_classes" not in found:
        found["num_classes"] = _outputs(state, found["name"]) or find_net(found["name"]).num_classes
    if "input_size" not in found:
        found["input_size"] = architecture(found["name"], found["num_classes"])["input_size"]
    return Checkpoint(
        _filled(create_model(**found), state, path),
        {"architecture": found, "data": data_of(found["num_classes"], input_shape_of(found))},
    )


def data_of(outputs: int, shape: Sequence[int]) -> dict[str, Any]:
    """What a card says of the data, for weights that came without one: ten classes are taken for CIFAR-10's."""
    colours = shape[0] if len(shape) == 3 else 1
    mean, std = (list(MEAN), list(STD)) if colours == 3 else ([0.0] * colours, [1.0] * colours)
    if outputs == len(CLASSES) and colours == 3:
        return {"name": CIFAR10, "classes": list(CLASSES), "mean": mean, "std": std}
    return {"name": "unknown", "classes": [str(i) for i in range(outputs)], "mean": mean, "std": std}


def is_ordered(path: Path) -> bool:
    """Whether tensors lie in a file of weights in the network's order."""
    return path.suffix != ".safetensors"


def has_card(path: Path) -> bool:
    """Whether a card lies beside a .safetensors file."""
    return path.suffix == ".safetensors" and card_of(path).is_file()


def card_of(path: Path) -> Path:
    """Where the card of a .safetensors file is: beside it under the same name, or as the hub has it."""
    own, hubs = path.with_suffix(".json"), path.with_name(CARD)
    return hubs if path.name == WEIGHTS and hubs.is_file() and not own.is_file() else own


def _network(card: Mapping[str, Any]) -> nn.Module:
    architecture = card["architecture"]
    model = create_model(**architecture)
    if bits := activation_bits(card):
        shape = input_shape_of(architecture)
        quantize_activations(model, bits, shape, power_of_two=has_power_of_two_scales(card))
    return model


def _read_card(path: Path) -> dict[str, Any]:
    if not path.exists():
        raise BadInput(f"{path}: missing; a checkpoint has its card beside it, or say the network it holds: --net NAME")
    return _checked_card(parse_json(read_text(path, "a card", LARGEST_JSON), str(path)), path)


def _check_digest(path: Path, card: Mapping[str, Any]) -> None:
    """Cards of weights that were made before cards had digests are taken without."""
    if card.get("sha256", found := hashlib.sha256(path.read_bytes()).hexdigest()) != found:
        raise BadInput(
            f"{path}: altered: its SHA-256 is not the one in its card; bring both from where they come from, or take "
            "sha256 out of the card if you changed the weights yourself"
        )


def _checked_card(card: Any, path: Path) -> dict[str, Any]:
    try:
        given = card["architecture"]
        if "file" in given:
            file = path.with_suffix(".safetensors")
            raise BadInput(f"{path}: is of a network from outside; open it as {given['file']} --weights {file}")
        card["architecture"] = {key: kind(given[key]) for key, kind in _ARGUMENTS.items()}
        size = given["input_size"]
        card["architecture"]["input_size"] = None if size is None else int(size)
        if "design" in given:
            card["architecture"]["design"] = design_from(given["design"], str(path)).to_json()
        for key, kind in {"classes": str, "mean": float, "std": float}.items():
            card["data"][key] = [kind(value) for value in card["data"][key]]
        if "split" in card["data"]:
            card["data"]["split"] = float(card["data"]["split"])
        activation_bits(card)
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise BadInput(f"{path}: field missing or wrong: {error}") from None
    return card  # type: ignore[no-any-return]


def _recognise(state: State, path: Path) -> dict[str, Any]:
    """The arguments of the network whose tensors these are: a MicroBotNet, or another of the zoo at width 1."""
    classes = _outputs(state, "microbotnet") or len(CLASSES)
    nearest: dict[str, Any] = {}
    most = -1
    for name in ("microbotnet", "microbotnet-large"):
        for width in PUBLISHED_WIDTHS:
            arguments: dict[str, Any] = {"name": name, "width": width, "num_classes": classes, "input_size": 32}
            wanted = _shapes(arguments)
            same = sum(key in state and state[key].shape == value.shape for key, value in wanted.items())
            if same > most:
                nearest, most = arguments, same
            if _fits(state, wanted, path):
                return arguments
    there = Counter(value.shape for value in state.values())
    nets = [find_net(name) for name in net_names() if not find_net(name).design and _body(name) <= there]
    others = [architecture(net.name, _outputs(state, net.name) or net.num_classes) for net in nets]
    found = [arguments for arguments in others if _fits(state, _shapes(arguments), path)]
    if len(found) > 1:
        names = ", ".join(arguments["name"] for arguments in found)
        raise BadInput(f"{path}: these weights fit {names}; say which with --net")
    if found:
        return found[0]
    if most == 0:
        raise BadInput(
            f"{path}: no key of a MicroBotNet in it; its first is {next(iter(state), None)!r}; say the network: --net"
        )
    return nearest


@cache
def _zoo(name: str) -> tuple[State, str]:
    """A network's tensors without values, and the name of its last kernel."""
    with without_values():
        model = create_model(name)
    return model.state_dict(), kernels(model)[-1].name + ".weight"


def _body(name: str) -> Counter[torch.Size]:
    """The shapes of all its tensors but those of the last layer."""
    tensors, head = _zoo(name)
    last = head.removesuffix("weight")
    return Counter(value.shape for key, value in tensors.items() if not key.startswith(last) and value.ndim)


def _shapes(arguments: Mapping[str, Any]) -> State:
    return _without_values(tuple(arguments.items()))


@cache
def _without_values(arguments: tuple[tuple[str, Any], ...]) -> State:
    with without_values():
        return create_model(**dict(arguments)).state_dict()


def _fits(state: State, wanted: State, path: Path) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            fitted(state, wanted, str(path), ordered=is_ordered(path))
        except Mismatch:
            return False
        except BadInput:  # these are its weights, and something is wrong with them
            return True
    return True


def _outputs(state: State, name: str) -> int | None:
    """How many outputs the last layer of the network `name` has in these weights; None where it is not among them."""
    _, head = _zoo(name)
    return next((len(value) for key, value in state.items() if key.endswith(head) and len(value)), None)


def _filled(model: nn.Module, state: State, source: str | Path) -> nn.Module:
    """`model` with `state` in it, in eval mode."""
    model.load_state_dict(fitted(state, model.state_dict(), str(source), ordered=is_ordered(Path(source))))
    return model.eval()
