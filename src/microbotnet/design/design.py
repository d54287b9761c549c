"""A design: stem, stages of inverted residuals, head, and the precision of every kernel."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

ACTIVATIONS = ("relu", "relu6", "hardswish")
# float: trained as it is; where it runs in integers it is rounded to 8 bits. int8: trained with 8 bits.
PRECISIONS = ("float", "int8", "ternary")


@dataclass(frozen=True)
class Stem:
    """The first convolution, of `kernel`×`kernel`, with batch norm and activation."""

    width: int = 8
    kernel: int = 3
    stride: int = 2
    activation: str = "hardswish"
    precision: str = "float"


@dataclass(frozen=True)
class StagePrecision:
    """Of each kernel in every block of a stage; `squeeze_excite` of both linears, those of a Shift-Max too."""

    expand: str = "float"
    depthwise: str = "float"
    squeeze_excite: str = "float"
    project: str = "float"


@dataclass(frozen=True)
class Stage:
    """`repeats` inverted residuals, the first of them with the stride.

    expansion: a block's inner channels are its inputs times this; there is no expanding layer where it is 1.
    shift_max: behind the depthwise convolution, instead of the activation; it has gates of its own (`nets.ShiftMax`).
    groups: in which both 1×1 convolutions work, each on its share of the channels; the channels are shuffled before the
        second, so that every output sees every input (ShuffleNet, Zhang et al. 2017, arXiv 1707.01083).
    """

    width: int
    kernel: int = 3
    expansion: float = 3.0
    repeats: int = 1
    stride: int = 1
    squeeze_excite: bool = False
    shift_max: bool = False
    groups: int = 1
    activation: str = "hardswish"
    precision: StagePrecision = field(default_factory=StagePrecision)


@dataclass(frozen=True)
class HeadPrecision:
    """Of the head's 1×1 convolution and its two linears."""

    conv: str = "float"
    hidden: str = "float"
    classifier: str = "float"


@dataclass(frozen=True)
class Head:
    """1×1 convolution to `width`, global average, linear to `hidden`, classifier; 0 leaves a layer out.

    average_first: the global average stands before the last block's projection, which commutes with it, so that it
        multiplies once and not at every pixel; with a width of 0 only.
    dropout: share of the classifier's inputs that training sets to zero.
    """

    width: int = 0
    hidden: int = 0
    average_first: bool = False
    activation: str = "hardswish"
    dropout: float = 0.0
    precision: HeadPrecision = field(default_factory=HeadPrecision)


@dataclass(frozen=True)
class Block:
    """One inverted residual with its channels worked out: `inputs` → `expanded` → `outputs`."""

    inputs: int
    expanded: int
    outputs: int
    kernel: int
    stride: int
    squeeze_excite: bool
    activation: str
    precision: StagePrecision
    average: bool = False  # global, before the projection and in the shortcut
    groups: int = 1
    shift_max: bool = False

    @property
    def expands(self) -> bool:
        """Whether it begins with a 1×1 convolution."""
        return self.expanded != self.inputs

    @property
    def shortcut(self) -> bool:
        """Whether its input is added to its output."""
        return self.stride == 1 and self.inputs == self.outputs

    @property
    def squeezed(self) -> int:
        """Channels between the two linears of squeeze-and-excite."""
        return max(1, self.expanded // 4)


@dataclass(frozen=True)
class Design:
    """A network for pictures of 3×`resolution`×`resolution`; the classes are the data's."""

    stages: tuple[Stage, ...]
    stem: Stem = field(default_factory=Stem)
    head: Head = field(default_factory=Head)
    resolution: int = 32
    summary: str = ""

    def blocks(self) -> Iterator[Block]:
        """The inverted residuals in order."""
        inputs = self.stem.width
        left = sum(stage.repeats for stage in self.stages)
        for stage in self.stages:
            for repeat in range(stage.repeats):
                left -= 1
                stride = stage.stride if repeat == 0 else 1
                expanded = max(1, round(inputs * stage.expansion))
                yield Block(
                    inputs, expanded, stage.width, stage.kernel, stride, stage.squeeze_excite, stage.activation,
                    stage.precision, average=not left and self.head.average_first, groups=stage.groups,
                    shift_max=stage.shift_max,
                )  # fmt: skip
                inputs = stage.width

    def precisions(self) -> Iterator[tuple[str, str]]:
        """Every kernel's layer as `nets.designed` names it, with its precision, in order."""
        yield "features.0.0", self.stem.precision
        index = 0
        for index, block in enumerate(self.blocks(), 1):
            names = layer_names(block, f"features.{index}")
            given = asdict(block.precision)
            for what, layers in names.items():
                yield from ((layer, given[what]) for layer in layers)
        if self.head.width:
            yield f"features.{index + 1}.0", self.head.precision.conv
        if self.head.hidden:
            yield "classifier.0", self.head.precision.hidden
        yield classifier_name(self), self.head.precision.classifier

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        values = asdict(self)
        return {**values, "stages": list(values["stages"])}


def layer_names(block: Block, path: str) -> dict[str, tuple[str, ...]]:
    """The paths of a block's kernels by the fields of `StagePrecision`, in order; those that it has."""
    first = 3 if block.expands else 0
    names: dict[str, tuple[str, ...]] = {"expand": (f"{path}.conv.0",)} if block.expands else {}
    names["depthwise"] = (f"{path}.conv.{first}",)
    if block.squeeze_excite or block.shift_max:
        names["squeeze_excite"] = (f"{path}.conv.{first + 2}.fc.0", f"{path}.conv.{first + 2}.fc.2")
    shuffle = int(block.groups > 1)
    return names | {"project": (f"{path}.conv.{first + 4 + shuffle}",)}


def classifier_name(design: Design) -> str:
    """The path of the last linear."""
    return f"classifier.{3 if design.head.hidden else 1}"
