"""Post-training quantization: a checkpoint's kernels rounded as they are, nothing learned again."""

import difflib
import inspect
import platform
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from .. import __version__
from ..errors import BadInput
from ..nets import create_model, input_shape_of, net_names, without_values
from ..quant.parametrize import bake, make_quantizer, quantize
from ..quant.policy import Choice, Policy, choose
from ..sources import NOTHING, Given, float_network
from ..weights import shipped_cards
from .card import activation_bits
from .checkpoint import Checkpoint, save_checkpoint


def choose_in(subject: str, policy: Policy, given: Given = NOTHING) -> Choice:
    """What `policy` chooses in a registered network, of which only the shapes are made, or in a checkpoint.

    Args:
        subject: a network's name, or one of floats as `sources` names them.
        given: what a file cannot say; its width also that of a registered network.

    Raises:
        BadInput: see `create_model`, `load_checkpoint` and `choose`; or `subject` is neither.
    """
    if subject in net_names():
        if given.net is not None:
            raise BadInput(f"--net is for a file without a card; {subject} is a network itself")
        with without_values():
            return choose(create_model(subject, width=1.0 if given.width is None else given.width), policy)
    return choose(_load(subject, given).model, policy)


def quantize_checkpoint(
    checkpoint: str,
    output: Path,
    policy: Policy,
    quantizer: str,
    options: Mapping[str, Any] | None = None,
    given: Given = NOTHING,
) -> Choice:
    """Write `checkpoint` with its chosen kernels quantized to `output`, plain tensors and a card; return the choice.

    Args:
        checkpoint: its name or file.
        output: a .safetensors file; the card is written beside it.
        quantizer: a name of `QUANTIZERS`.
        options: the quantizer's own, such as its threshold.
        given: what a file cannot say. Of a network from outside, what is written is a state dict for --weights.

    Raises:
        BadInput: see `load_checkpoint`, `make_quantizer` and `quantize`; or an output that is no .safetensors
            file, or the checkpoint itself.
    """
    if output.suffix != ".safetensors" or output.is_dir():
        raise BadInput(f"{output}: a checkpoint is written as a file that ends in .safetensors")
    if output.resolve() == Path(checkpoint).resolve():
        raise BadInput(f"{output}: would write over the checkpoint that is read; choose another name")
    make = make_quantizer(quantizer, **(options or {}))
    example = make()
    used = {key: getattr(example, key) for key in inspect.signature(type(example)).parameters}  # defaults included
    used = {key: value for key, value in used.items() if value is not None}
    if checkpoint in net_names():
        raise BadInput(f"{checkpoint} is a network without trained weights; give a checkpoint, or --dry-run to list")
    loaded = _load(checkpoint, given)
    choice = choose(loaded.model, policy)
    quantize(loaded.model, policy, make, input_shape_of(loaded.card["architecture"]))
    card = {
        "architecture": loaded.card["architecture"],
        "quantization": {
            "policy": policy.name,
            "quantizer": quantizer,
            **used,
            "retrained": False,
            **_activations(loaded),
        },
        "from": {"checkpoint": Path(checkpoint).name, "quantization": loaded.card.get("quantization", "unknown")},
        "data": loaded.card["data"],
        "versions": {
            "microbotnet": __version__,
            "torch": torch.__version__,
            "python": platform.python_version(),
        },
    }
    save_checkpoint(output, bake(loaded.model), card)
    return choice


def _activations(checkpoint: Checkpoint) -> dict[str, Any]:
    bits = activation_bits(checkpoint.card)
    return {"activations": {"bits": bits}} if bits else {}


def _load(name: str, given: Given) -> Checkpoint:
    shipped = shipped_cards()
    a_file = Path(name).exists() or "/" in name or re.search(r"\.[A-Za-z]\w*(:\w+)?$", name)
    if name not in shipped and not a_file:
        known = [*net_names(), *shipped]
        close = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.5)
        hint = f"did you mean {close[0]!r}?" if close else "see `microbotnet nets` and `microbotnet weights`"
        raise BadInput(f"{name!r} is neither a network nor a checkpoint; {hint}")
    return float_network(name, given)
