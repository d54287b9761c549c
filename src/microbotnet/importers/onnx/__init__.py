"""ONNX files in: networks of real numbers become modules of torch, those of integers become programs."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..imported import Imported
    from .network import Network


def import_onnx(
    path: Path | str,
    input_shape: Sequence[int] | None = None,
    *,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    labels: Sequence[str] = (),
) -> "Network | Imported":
    """The network in an ONNX file: a module if it computes in real numbers, a program if in integers.

    Real numbers: the layers are torch's own, named as in the network that the file came from where the file tells. It
    can be counted, drawn, trained, made ternary, calibrated and lowered like one of ours, and every message about it
    names the file's node. The batch is free even where the file fixes it, and channels come first even where the file
    has them last.

    Integers, as onnxruntime's quantizer writes them (QDQ or QOperator): the file's own scales, no torch. Its integers
    are onnxruntime's wherever a layer says that it is exact; sums that onnxruntime rounds in float32 just beside a
    half can be one unit off. A softmax at the end is left out: the scores come out, of which the same is largest.

    Args:
        path: of the file; opset 11 to 25, data outside of it in its own folder. Nothing in it is run but ONNX's
            operators.
        input_shape: of one input, where the file leaves more open than the batch; in the file's order of axes.
        mean, std: for integers, of each channel of the pictures, on the scale 0…1: the program then takes pixels,
            uint8. Without them it takes the integers that the file's first QuantizeLinear makes, as int8.
        labels: for integers, the classes' names.

    Returns:
        The module, in evaluation mode, which takes (N, *net.input_shape) float32; or the program, with how near each
        of its layers is.

    Raises:
        BadInput: it is no ONNX file or cut short, has another opset, control flow, own operators or several inputs; an
            operator has no form here (its node is named); data that lies outside the folder or is missing.
    """
    from .file import read
    from .quantized.program import is_quantized, to_program

    file = read(Path(path), input_shape)
    if is_quantized(file):
        return to_program(file, mean, std, labels=labels)
    from .convert import convert

    return convert(file)
