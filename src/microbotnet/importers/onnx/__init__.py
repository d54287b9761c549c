"""ONNX files in: networks of real numbers become modules of torch."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .network import Network


def import_onnx(path: Path | str, input_shape: Sequence[int] | None = None) -> "Network":
    """The network of real numbers in an ONNX file, as a module of torch.

    Its layers are torch's own, named as in the network that the file came from where the file tells, so it can be
    counted, drawn, trained, made ternary, calibrated and lowered like one of ours. Every message about it names the
    file's node. The batch is free even where the file fixes it, and channels come first even where the file has them
    last.

    Args:
        path: of the file; opset 11 to 25, data outside of it in its own folder. Nothing in it is run but ONNX's
            operators.
        input_shape: of one input, where the file leaves more open than the batch; in the file's order of axes.

    Returns:
        The module, in evaluation mode. It takes (N, *net.input_shape) float32.

    Raises:
        BadInput: it is no ONNX file or cut short, has another opset, control flow, own operators or several inputs; an
            operator has no form here (its node is named); data that lies outside the folder or is missing.
    """
    from .convert import convert
    from .file import read

    return convert(read(Path(path)), input_shape)
