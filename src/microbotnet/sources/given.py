"""What a user says beside a network's name, where its file cannot say it."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import BadInput

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Given:
    """Nothing is required; None is what the file says, else the usual.

    net, width: the network of the zoo whose state dict a file is.
    weights: a state dict for a module, a .pt2 or an .onnx.
    input_shape: of one input, without the batch.
    mean, std: with which the network's pictures are normalised, of each channel on the scale 0…1.
    labels: the classes' names, in the order of the outputs.
    """

    net: str | None = None
    width: float | None = None
    weights: Path | None = None
    input_shape: Shape | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    labels: tuple[str, ...] | None = None

    @classmethod
    def of(
        cls,
        *,
        net: str | None = None,
        width: float | None = None,
        weights: Path | None = None,
        input_shape: str | None = None,
        mean: str | None = None,
        std: str | None = None,
        labels: str | None = None,
    ) -> "Given":
        """From a command's options: "1x49x10"; "0.5,0.5,0.5"; a file with a name a line, or names with commas.

        Raises:
            BadInput: an option is not written so; the message names it.
        """
        shape = None if input_shape is None else _shape(input_shape)
        numbers = {"mean": mean, "std": std}
        found = {name: None if text is None else _numbers(name, text) for name, text in numbers.items()}
        if found["std"] is not None and min(found["std"]) <= 0:
            raise BadInput("--std must be above 0")
        return cls(net, width, weights, shape, found["mean"], found["std"], None if labels is None else _labels(labels))

    def at(self, input_size: int | None) -> "Given":
        """The same for pictures of that side, if one is asked for.

        Raises:
            BadInput: there is an input shape, too.
        """
        if input_size is None:
            return self
        if self.input_shape is not None:
            raise BadInput("--input-size N is --input-shape 3xNxN; give one of them")
        return replace(self, input_shape=(3, input_size, input_size))


NOTHING = Given()


def _shape(text: str) -> Shape:
    if not re.fullmatch(r"\d+([x×]\d+)*", text):
        raise BadInput(
            f"--input-shape {text}: write the sizes without the batch, channels first: 3x32x32, 1x49x10, 640"
        )
    sizes = tuple(int(size) for size in re.split("[x×]", text))
    if len(sizes) > 4 or min(sizes) < 1 or max(sizes) > 1 << 20:
        raise BadInput(f"--input-shape {text}: one to four sizes of at least 1")
    return sizes


def _numbers(name: str, text: str) -> tuple[float, ...]:
    try:
        return tuple(float(number) for number in text.split(","))
    except ValueError:
        raise BadInput(f"--{name} {text}: numbers with commas between them, one a channel: 0.5,0.5,0.5") from None


def _labels(text: str) -> tuple[str, ...]:
    path = Path(text)
    if path.is_file():
        try:
            found = [line.strip() for line in path.read_text("utf-8").splitlines()]
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput(f"--labels {path}: cannot be read: {error}") from None
    else:
        found = [name.strip() for name in text.split(",")]
    names = tuple(name for name in found if name)
    if len(names) < 2 or len(set(names)) < len(names):
        raise BadInput(f"--labels {text}: a file with a class a line, or names with commas between them, each once")
    return names
