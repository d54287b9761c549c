"""What `torch.export.save` wrote becomes a module of torch, without running anything that the file says."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .network import Network


def import_exported(path: Path | str) -> "Network":
    """The network in a file of `torch.export.save` (.pt2), float32, in eval mode.

    The file is read as data: its JSON, its numbers, and of its operators only those of ATen that the graph knows.
    `torch.export.load` is not called; it unpickles, evaluates expressions and looks functions up by name.

    Args:
        path: a .pt2 of torch 2.8 or newer.

    Raises:
        BadInput: it is cut short or of another kind, has several inputs or dynamic shapes beyond the batch, was
            exported in training mode, or holds an operator that is not read (named, with its place).
    """
    from ...errors import BadInput
    from .file import read
    from .network import Network

    file = read(Path(path))
    try:
        return Network(file).eval()
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, RuntimeError) as error:
        raise BadInput(f"{path}: is not written as torch.export writes: {' '.join(str(error).split())}") from None
