"""Weights as others save them: a state dict in whatever wrapper, under whatever prefix and names.

Nothing is unpickled but tensors, plain containers and numbers: `weights_only=True` refuses code.
"""

import argparse
import pickle
import re
import warnings
import zipfile
from collections import defaultdict
from collections.abc import Mapping
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from ..errors import BadInput

State = dict[str, Tensor]

_WRAPPERS = ("state_dict", "model_state_dict", "model", "net", "network", "weights", "params", "module")
# Moving averages of the weights over the training, which score better; these are the names under which they lie.
_AVERAGES = ("state_dict_ema", "ema_state_dict", "model_ema", "model_ema_state_dict", "ema_model", "ema", "shadow")
_STRAY = ("total_ops", "total_params", "n_averaged")  # thop's counters, and torch's own of averaged models
_COUNTER = "num_batches_tracked"
# Data that trainings put beside the weights, and whose classes only hold it.
_HARMLESS: list[Any] = [argparse.Namespace, np.dtype, type(np.dtype("f8")), type(np.dtype("f4")), type(np.dtype("i8"))]
_SCALARS = ("numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar")


class Mismatch(BadInput):
    """The weights are another network's: a tensor is missing, unknown or of another shape."""


def read_state(path: Path) -> State:
    """The tensors in a .safetensors file or a PyTorch file, out of their wrapper; thop's counters are left out.

    Raises:
        BadInput: there is no state dict in it, it is damaged (with the place), or it carries code.

    Warns:
        UserWarning: there are two sets of weights, and which is taken.
    """
    if path.suffix == ".safetensors":
        try:
            state = load(path.read_bytes())
        except SafetensorError as error:
            size = path.stat().st_size
            raise BadInput(f"{path}: damaged safetensors file ({size} bytes): {error}") from None
    else:
        state = _unwrapped(_content(path), path)
    # A compiled module, or part of one, has its own name in front of that of the module it was made from.
    return {
        key.replace("_orig_mod.", "").removeprefix("module.").replace(".lastBN.", "."): value
        for key, value in state.items()
        if not key.endswith(_STRAY)
    }


def _content(path: Path) -> Any:
    scalar = np.float64(0).__reduce__()[0]
    harmless = [*_HARMLESS, *((scalar, name) for name in _SCALARS)]
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:  # torch does not look at the archive's checksums
                if (member := archive.testzip()) is not None:
                    raise BadInput(f"{path}: altered or damaged: the checksum of {member} in it is wrong")
        with torch.serialization.safe_globals(harmless):
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        with path.open("rb") as file:
            plain = file.read(2) in (b"\x80\x03", b"\x80\x04", b"\x80\x05")  # Python's own protocols; torch writes 2
        if plain or "GLOBAL" in str(error):  # GLOBAL: a name to call that weights never need
            what = re.search(r"GLOBAL ([\w.]+)", str(error))
            needs = f" (it would call {what[1]})" if what else ""
            raise BadInput(
                f"{path}: refused: the file carries code, not only weights{needs}; nothing of it was run; save the "
                "weights alone: torch.save(model.state_dict(), FILE)"
            ) from None
        raise BadInput(f"{path}: not a PyTorch checkpoint, or cut short at byte {path.stat().st_size}") from None
    except BadInput:
        raise
    except Exception as error:  # damage meets the reader with every kind of exception
        raise BadInput(f"{path}: damaged or truncated at or before byte {path.stat().st_size}: {error}") from None


def _unwrapped(content: Any, path: Path) -> State:
    """The state dict in what a training saved."""
    for _ in range(4):  # {"ema": {"module": …}} and the like
        if not isinstance(content, dict):
            break
        if content and all(isinstance(value, Tensor) for value in content.values()):
            return {str(key): value for key, value in content.items()}
        inner = {key: value for key, value in content.items() if isinstance(value, dict) and _holds_tensors(value)}
        average = next((key for key in _AVERAGES if key in inner), None)
        plain = next((key for key in _WRAPPERS if key in inner), None)
        if average and plain:
            warnings.warn(
                f"{path}: holds the weights ({plain}) and their moving average ({average}); the average is taken",
                stacklevel=2,
            )
        if (key := average or plain) is None:
            break
        content = inner[key]
    raise BadInput(
        f"{path}: holds no state dict; expected tensors by name, or a dict with them under {', '.join(_WRAPPERS[:4])}"
    )


def _holds_tensors(value: Mapping[Any, Any]) -> bool:
    return any(isinstance(item, Tensor) or (isinstance(item, dict) and _holds_tensors(item)) for item in value.values())


def fitted(state: State, wanted: Mapping[str, Tensor], source: str, *, ordered: bool = True) -> State:
    """`state` under the names of `wanted`, a network's own state dict, with every tensor of it.

    The names may stand behind a prefix (Lightning's "model."). Names that are others altogether are matched layer by
    layer: by the tensors' shapes, and among layers of equal shapes by name and order, which must not contradict.

    Args:
        state, wanted: tensors by name.
        source: what to call it in errors.
        ordered: whether the state's order is the network's; a .safetensors file has its own.

    Raises:
        Mismatch: a tensor is missing, unknown or of another shape (named).
        BadInput: one holds values that no network can have; or layers cannot be told apart.

    Warns:
        UserWarning: which prefix was taken where there are two; or names were matched.
    """
    found = _behind_prefix(state, wanted, source)
    needed = {key for key in wanted if not key.endswith(_COUNTER)}
    if needed - found.keys() and (renamed := _by_layers(found, wanted, source, ordered)) is not None:
        found = renamed
    for key, value in wanted.items():
        if key not in found and not key.endswith(_COUNTER):
            raise Mismatch(f"{source}: key {key!r} is missing")
        if key in found and found[key].shape != value.shape:
            raise Mismatch(f"{source}: {key!r} has shape {tuple(found[key].shape)}, the network {tuple(value.shape)}")
    if unknown := found.keys() - wanted.keys():
        raise Mismatch(f"{source}: key {min(unknown)!r} is not in the network")
    check_values(found, source)
    return dict(wanted) | found


def check_values(state: Mapping[str, Tensor], source: str) -> None:
    """Refuse weights that no network can have: NaN, infinity, negative variances. The message names the first."""
    for key, value in state.items():
        if value.is_meta or not (value.is_floating_point() or value.is_complex()):
            continue
        if bad := int((~torch.isfinite(value)).sum()):
            kind = "NaN" if bool(torch.isnan(value).any()) else "infinite"
            raise BadInput(
                f"{source}: {key!r} is {kind} in {bad:,} of {value.numel():,} values; the training that made it failed"
            )
        if key.endswith("running_var") and bool((value < 0).any()):
            raise BadInput(f"{source}: {key!r} is a variance and has {int((value < 0).sum()):,} negative values")


def _behind_prefix(state: State, wanted: Mapping[str, Tensor], source: str) -> State:
    """What lies behind the prefix under which most of the network's names are; all of `state` if that is none."""
    first = [key for key in wanted if not key.endswith(_COUNTER)]
    prefixes = {key[: -len(name)] for name in first for key in state if key.endswith(name)}
    prefixes = {prefix for prefix in prefixes if prefix == "" or prefix.endswith((".", "_"))}
    covered = {prefix: sum(prefix + name in state for name in first) for prefix in prefixes}
    most = max(covered.values(), default=0)
    best = sorted(
        (prefix for prefix, count in covered.items() if count == most), key=lambda prefix: (len(prefix), prefix)
    )
    if not best or "" in best:
        return state
    averages = [prefix for prefix in best if "ema" in prefix.lower()]
    if len(averages) == 1 and len(best) > 1:
        others = ", ".join(prefix for prefix in best if prefix not in averages)
        warnings.warn(
            f"{source}: holds the weights ({others}) and their moving average ({averages[0]}); the average is taken",
            stacklevel=3,
        )
        best = averages
    if len(best) > 1:
        raise BadInput(f"{source}: holds several networks, under {', '.join(best)}; save the state dict of one alone")
    return {key.removeprefix(best[0]): value for key, value in state.items() if key.startswith(best[0])}


_PARTS = re.compile(r"[._]")
Signature = frozenset[tuple[str, tuple[int, ...]]]


def _by_layers(state: State, wanted: Mapping[str, Tensor], source: str, ordered: bool) -> State | None:
    """`state` with the names of `wanted`, found layer by layer; None where it holds other layers.

    Raises:
        BadInput: two layers of the same shapes, which neither their names nor their order tell apart.
    """
    ours, theirs = _layers(wanted), _layers(state)
    if sorted(map(sorted, ours.values())) != sorted(map(sorted, theirs.values())):
        return None
    same = ordered and [*ours.values()] == [*theirs.values()]
    in_order = dict(zip(ours, theirs, strict=True)) if same else None
    groups: dict[Signature, tuple[list[str], list[str]]] = defaultdict(lambda: ([], []))
    for side, layers in enumerate((ours, theirs)):
        for name, signature in layers.items():
            groups[signature][side].append(name)
    matched: dict[str, str] = {}
    for left, right in groups.values():
        named = _by_name(left, right)
        placed = {name: in_order[name] for name in left} if in_order else None
        if named and placed and named != placed:
            name = next(name for name in left if named[name] != placed[name])
            raise BadInput(
                f"{source}: by its order layer {placed[name]!r} would be {name!r}, by its name {named[name]!r}; "
                "rename the layers as the network has them"
            )
        chosen = named or placed
        if chosen is None:
            raise BadInput(
                f"{source}: its layers {', '.join(right[:3])} have equal shapes and names that are not the network's "
                f"({', '.join(left[:3])}): which is which cannot be told; rename them as the network has them"
            )
        matched |= chosen
    others = [(name, theirs) for name, theirs in matched.items() if name != theirs]
    example = f"{others[0][1]} is {others[0][0]}"
    warnings.warn(
        f"{source}: {len(others)} layers have other names than the network's and were matched by shape, name and "
        f"order; {example}",
        stacklevel=3,
    )
    back = {theirs: name for name, theirs in matched.items()}
    return {f"{back[layer]}.{last}": value for key, value in state.items() for layer, _, last in [key.rpartition(".")]}


def _layers(state: Mapping[str, Tensor]) -> dict[str, Signature]:
    """The layers in their order: the last part of each tensor's name, and its shape."""
    found: dict[str, list[tuple[str, tuple[int, ...]]]] = defaultdict(list)
    for key, value in state.items():
        layer, _, last = key.rpartition(".")
        if last != _COUNTER:
            found[layer].append((last, tuple(value.shape)))
    return {layer: frozenset(tensors) for layer, tensors in found.items()}


def _by_name(ours: list[str], theirs: list[str]) -> dict[str, str] | None:
    """Each of ours with the one of theirs whose name begins most like it; None where that is not one to one."""
    if len(ours) == 1:
        return {ours[0]: theirs[0]}
    found = {}
    for name in ours:
        parts = _PARTS.split(name)
        likeness = [(_shared(parts, other), -len(other)) for other in map(_PARTS.split, theirs)]
        best = max(likeness)
        if likeness.count(best) > 1:
            return None
        found[name] = theirs[likeness.index(best)]
    return found if len({*found.values()}) == len(ours) else None


def _shared(first: list[str], second: list[str]) -> int:
    """How many parts two names begin with in common."""
    pairs = zip(first, second, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
