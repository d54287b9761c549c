"""Trained networks by the calls that users of timm and transformers know."""

import tempfile
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..atomic import write_atomically
from ..errors import BadInput, Failed
from ..weights import shipped_cards
from .fetch import CARD, PREFIX, WEIGHTS, is_repository

if TYPE_CHECKING:
    from torch import nn

_INTERPOLATION = "bicubic"  # what `read_picture` does: the largest centred square, resized


def list_models(pattern: str = "*", *, pretrained: bool = False) -> list[str]:
    """The names of networks, sorted.

    Args:
        pattern: of the names: `*` is anything, `?` one character, as in "grain-*".
        pretrained: of the shipped weights, which `from_pretrained` takes, instead of those of `create_model`. These
            need no torch.
    """
    if pretrained:
        names = list(shipped_cards())
    else:
        from ..nets import net_names

        names = net_names()
    return sorted(name for name in names if fnmatchcase(name, pattern))


def pretrained_cfg(name: str | Path) -> dict[str, Any]:
    """How a trained network wants its pictures, and what its outputs are called, under timm's keys.

    `input_size` (channels, rows, columns), `mean` and `std` of each channel on the scale 0…1, `interpolation`,
    `crop_pct` and `crop_mode` (the largest centred square), `num_classes`, `label_names`, `architecture`.

    Args:
        name: see `from_pretrained`. What is shipped needs no torch.

    Raises:
        BadInput, Failed: see `from_pretrained`.
    """
    cards = shipped_cards()
    return _cfg(cards[str(name)] if str(name) in cards else _opened(name)[1])


def from_pretrained(name: str | Path) -> "nn.Module":
    """A trained network, in eval mode, ready to answer or to be trained on.

    Its `pretrained_cfg` says how it wants its pictures (see `pretrained_cfg`), its `card` all that is known of it.

    Args:
        name: of shipped weights (`list_models(pretrained=True)`); a folder that `save_pretrained` or
            `microbotnet train` wrote; any file that the commands take; or OWNER/NAME on the hub, with @REVISION if
            you like (extra `hub`). A folder here goes before the hub's.

    Raises:
        BadInput: there is no such network (the nearest name is suggested), or its files are damaged.
        Failed: it is not installed, or the hub cannot be reached.
    """
    from ..training.checkpoint import digest

    model, card = _opened(name)
    model.card = {**card, "sha256": digest(model)}  # type: ignore[assignment]
    model.pretrained_cfg = _cfg(card)  # type: ignore[assignment]
    return model


def save_pretrained(
    model: "nn.Module | str | Path", folder: str | Path, *, card: Mapping[str, Any] | None = None
) -> None:
    """Write a network into a folder, for `from_pretrained` and every command.

    That is model.safetensors, its card as config.json, and README.md: front matter that the hub reads, then what the
    network is, its scores and costs, made from the card.

    Args:
        model: a network of `from_pretrained`, trained on or not; any name that it takes; or, with `card`, a module
            that `create_model` made.
        folder: made if it is not there. Nothing outside of it is written.
        card: what is to be known of the network: `architecture`, the arguments of `create_model`; `data`, with
            `classes`, `mean` and `std`; and `metrics`, `recipe`, `license` as you like. None is the model's own,
            without its metrics if the weights are no longer those that were measured.

    Raises:
        BadInput: the module has no card and none is given, is not the network that the card says, or comes from
            outside the registry (`register_net` brings it in).
        Failed: the disk is full, or the folder cannot be written.
    """
    from ..training.checkpoint import checked, digest, save_checkpoint
    from .model_card import model_card

    if isinstance(model, str | Path):
        model = from_pretrained(model)
    known = getattr(model, "card", None) if card is None else card
    if known is None:
        raise BadInput("the module has no card: say what it is, card={'architecture': …, 'data': …}")
    trained = card is None and known["sha256"] != digest(model)
    left = {"sha256", "program_sha256", "metrics"} if trained else {"sha256", "program_sha256"}
    written = checked(model, {key: value for key, value in known.items() if key not in left})
    folder = Path(folder)
    text = model_card(model, written, folder.resolve().name)
    save_checkpoint(folder / WEIGHTS, model, written, card_file=folder / CARD)
    write_atomically(folder / "README.md", text.encode())


def push_to_hub(
    model: "nn.Module | str | Path",
    repository: str,
    *,
    card: Mapping[str, Any] | None = None,
    private: bool = False,
    message: str = "A network of microbotnet",
) -> str:
    """Put what `save_pretrained` writes into a repository on the hub, which is made if there is none (extra `hub`).

    Args:
        model, card: see `save_pretrained`.
        repository: OWNER/NAME. private: whether one that is made is for its owner alone. message: of the commit.

    Returns:
        The address of the commit.

    Raises:
        BadInput: see `save_pretrained`; or the hub takes no such name.
        Failed: it cannot be reached, or does not take it: log in with `hf auth login`.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HFValidationError

    from .. import __version__

    if not is_repository(repository) or "@" in repository:
        raise BadInput(f"{repository}: write OWNER/NAME")
    api = HfApi(library_name="microbotnet", library_version=__version__)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / repository.partition("/")[2]
        save_pretrained(model, folder, card=card)
        try:
            api.create_repo(repository, private=private, exist_ok=True)
            return str(api.upload_folder(repo_id=repository, folder_path=folder, commit_message=message).commit_url)
        except HFValidationError as error:
            raise BadInput(f"{repository}: no name of a repository: {error}") from None
        except (OSError, ValueError) as error:  # the hub's errors, those of the network, answers that are no hub's
            said = str(error).strip().partition("\n")[0]
            raise Failed(f"{repository}: the hub did not take it ({said}); to log in: hf auth login") from None


def _opened(name: str | Path) -> "tuple[nn.Module, dict[str, Any]]":
    from ..sources import float_network

    name = str(name)
    if name not in shipped_cards() and not Path(name).exists() and is_repository(name):
        name = PREFIX + name
    found = float_network(name)
    return found.model, found.card


def _cfg(card: Mapping[str, Any]) -> dict[str, Any]:
    made, data = card["architecture"], card["data"]
    if made.get("input_size"):
        shape: tuple[int, ...] = (3, made["input_size"], made["input_size"])
    else:
        from ..nets import input_shape_of

        shape = input_shape_of(made)
    return {
        "architecture": made["name"],
        "input_size": shape,
        "fixed_input_size": True,
        "interpolation": _INTERPOLATION,
        "crop_pct": 1.0,
        "crop_mode": "center",
        "mean": tuple(data["mean"]),
        "std": tuple(data["std"]),
        "num_classes": made["num_classes"],
        "label_names": tuple(data["classes"]),
    }
