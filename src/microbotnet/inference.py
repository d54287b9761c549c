"""Run a network on pictures: what has an integer program as compiled C, other networks in torch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import BadInput
from .sources import NOTHING, Given, open_network, open_program, tell_assumed
from .weights import shipped_cards

if TYPE_CHECKING:
    from torch import Tensor, nn

    from .camera import Camera
    from .data.source import Source
    from .integer.program import Program

Pictures = np.ndarray[Any, np.dtype[np.uint8]]
Probabilities = np.ndarray[Any, np.dtype[np.float32]]


@dataclass(frozen=True)
class Predictor:
    """A network, ready to answer.

    predict: from pictures (N, 3, size, size) uint8 to probabilities (N, classes); one that sees greys may be given
        them, (N, 1, size, size).
    engine: what runs it, for people. channels: of what it sees, 1 or 3.
    """

    predict: Callable[[Pictures], Probabilities]
    classes: Sequence[str]
    size: int
    engine: str
    channels: int = 3


def predictor(name: str, given: Given = NOTHING) -> Predictor:
    """Open a network by its name. What is shipped, a .program and an int8 file run as integers and without torch.

    Raises:
        BadInput: see `open_network`; or it takes no pictures.
    """
    if name in shipped_cards():
        return program_predictor(open_program(name, given=given), name)
    opened = open_network(name, given)
    from .importers.imported import Imported

    if isinstance(opened, Imported):
        return program_predictor(opened.program, name)
    import torch

    from .nets import input_shape_of

    tell_assumed(opened, name)
    torch.set_num_threads(1)  # small networks: more threads wait for each other longer than they compute
    data, model = opened.card["data"], opened.model
    size, channels = side_of(input_shape_of(opened.card["architecture"]), name)
    if not data["classes"]:
        raise BadInput(f"{name}: its output is no list of scores; it cannot name a class")
    return Predictor(
        lambda pictures: predict(model, in_channels(pictures, channels), data["mean"], data["std"]),
        data["classes"], size, "torch", channels,
    )  # fmt: skip


def program_predictor(program: "Program", name: str) -> Predictor:
    """A program as a `Predictor`; see `taking_pixels` for one that takes int8."""
    from .engine import load
    from .sources.pixels import taking_pixels

    size, channels = side_of(program.tensors[program.input].shape, name)
    network = load(taking_pixels(program, name))
    return Predictor(
        lambda pictures: network.predict(in_channels(pictures, channels)),
        network.labels,
        size,
        network.engine,
        channels,
    )


def side_of(shape: tuple[int, ...], name: str) -> tuple[int, int]:
    """Side and channels of the pictures that a network takes; BadInput where it takes none."""
    if len(shape) == 3 and shape[0] in (1, 3) and shape[1] == shape[2]:
        return shape[1], shape[0]
    raise BadInput(
        f"{name}: takes {'×'.join(map(str, shape))}, no square pictures; run it from Python: microbotnet.load"
    )


def in_channels(pictures: Pictures, channels: int) -> Pictures:
    """Pictures in three colours or grey."""
    from .preprocessing import grey

    return grey(pictures) if channels == 1 and pictures.shape[1] == 3 else pictures


def predict(model: "nn.Module", pictures: Pictures, mean: Sequence[float], std: Sequence[float]) -> Probabilities:
    """The probability of every class, float32, N×classes.

    Args:
        model: in eval mode, from normalised pictures to logits, or to probabilities.
        pictures: uint8, N×C×H×W, all seen in one batch.
        mean, std: of each channel, on the scale 0…1.
    """
    import torch

    from .data.augment import Batches

    batches = Batches(torch.from_numpy(pictures), mean, std)
    with torch.inference_mode():
        made = model(batches.take(torch.arange(len(pictures))))
        likely = bool((made >= 0).all()) and bool(((made.sum(1) - 1).abs() < 1e-4).all())
        return (made if likely else made.softmax(1)).numpy()  # type: ignore[no-any-return]


def evaluate(network: Predictor, source: "Source", name: str, camera: "Camera | None" = None) -> dict[str, float | int]:
    """`top1` (percent) of a network on the test pictures of `source`; and `pictures`.

    Args:
        camera: through which it sees them.

    Raises:
        BadInput: it does not know a class of the pictures (named).
    """
    from .data.source import positions

    rows = np.array(positions(network.classes, source.classes, name))
    images, labels = source.load("test")
    pictures, right = shown(images, network.size, camera), 0
    for part, truth in zip(
        *(np.array_split(a, -(-len(pictures) // 2000)) for a in (pictures, labels.numpy())), strict=True
    ):
        right += int((network.predict(part).argmax(1) == rows[truth]).sum())
    return {"top1": round(100 * right / len(pictures), 2), "pictures": len(pictures)}


def shown(images: "Tensor", size: int, camera: "Camera | None" = None) -> Pictures:
    """Pictures (N, 3, H, W) as a network of `size` is shown them, (N, C, size, size), through a camera or not."""
    from .camera import seen
    from .data.resize import resized

    if camera is None:
        return resized(images, size).numpy()
    return seen(camera, resized(images, (camera.height, camera.width)).numpy())
