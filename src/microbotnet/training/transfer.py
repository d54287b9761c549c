"""Transfer: begin with a trained network although the classes are others."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from ..errors import BadInput
from ..nets import create_model
from ..quant.activations import NAME
from ..quant.policy import kernels
from .checkpoint import Checkpoint


def network_for(
    checkpoint: Checkpoint, name: str, classes: Sequence[str], input_size: int | None = None
) -> tuple[nn.Module, dict[str, Any]]:
    """The checkpoint's network for `classes`, and `create_model`'s arguments that make it.

    The same classes: as it is. Classes that the checkpoint all knows, fewer or in another order: its last layer's rows
    of those. Any others: the last layer is new, its values drawn from torch's generator as in a network that is not
    trained.

    Args:
        name: the checkpoint's, for errors.
        input_size: side of the pictures from now on; None is the checkpoint's.

    Raises:
        BadInput: another input size needs other weights.
    """
    known = list(checkpoint.card["data"]["classes"])
    architecture = dict(checkpoint.card["architecture"])
    if "file" in architecture:  # its code makes it with one number of outputs
        outputs = architecture["num_classes"]
        if outputs != len(classes):
            raise BadInput(f"{name}: has {outputs} outputs, the pictures {len(classes)} classes; make it with as many")
        if input_size not in (None, architecture["input_size"]):
            raise BadInput(f"{name}: a network from outside keeps its input's size; leave out --input-size")
        return checkpoint.model, architecture
    architecture |= {"num_classes": len(classes), "input_size": input_size or architecture["input_size"]}
    model = create_model(**architecture)
    state, wanted = checkpoint.model.state_dict(), model.state_dict()
    head = kernels(model)[-1].name
    same = known == list(classes)
    rows = torch.tensor([known.index(name) for name in classes]) if set(classes) <= set(known) else None
    for key, value in state.items():
        if key.startswith(f"{NAME}."):  # the ranges of activations are found anew
            continue
        if same or not key.startswith(f"{head}."):
            if value.shape != wanted[key].shape:
                size = architecture["input_size"]
                raise BadInput(f"{name}: {key!r} does not fit a network for {len(classes)} classes at {size}×{size}")
            wanted[key] = value
        elif rows is not None:
            wanted[key] = value[rows]
    model.load_state_dict(wanted)
    return model, architecture
