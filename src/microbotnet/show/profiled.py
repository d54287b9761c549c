"""What to show: a network by name, or the one in a checkpoint, with its costs."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..cost.preset import Preset
from ..cost.profile import Profile, profile
from ..errors import BadInput
from ..graph import Graph
from ..graph.graph import Shape
from ..importers.imported import Imported
from ..integer.graph import graph_of
from ..preprocessing import picture_size
from ..sources import NOTHING, Given, is_checkpoint, is_outside, open_network
from ..training.card import stored_bits
from ..weights import shipped_cards, shipped_graph


@dataclass(frozen=True)
class ProfiledNetwork:
    """A network at a width and an input shape; `checkpoint` and `top1` (percent) where it is a trained one."""

    name: str
    width: float
    input_shape: Shape
    classes: int
    profile: Profile
    has_widths: bool = True
    checkpoint: str | None = None
    top1: float | None = None
    top1_integers: float | None = None  # of its integer program, where that is known

    @property
    def input_size(self) -> int | None:
        """The side of its square RGB pictures; None where it takes others, or none."""
        return picture_size(self.input_shape)

    @property
    def label(self) -> str:
        """microbotnet ×0.32; the checkpoint's name where there is one."""
        return self.checkpoint or self._net

    @property
    def title(self) -> str:
        """The label with network, size and counts."""
        macs = self.profile.macs["conv_linear"]
        size = "×".join(map(str, self.input_shape))
        counts = f"{self.profile.parameters:,} parameters · {macs:,} MACs (conv_linear)"
        return " · ".join(dict.fromkeys((self.label, self._net, size, counts)))

    @property
    def _net(self) -> str:
        width = f"{self.width:.2f}" if round(self.width, 2) == self.width else f"{self.width:g}"
        return f"{self.name} ×{width}" if self.has_widths else self.name


def named(
    name: str | None,
    checkpoint: str | None = None,
    *,
    given: Given = NOTHING,
    width: float | None = None,
    input_size: int | None = None,
    classes: int | None = None,
    preset: Preset | str = "horowitz-45nm",
) -> ProfiledNetwork:
    """The network that a command's NET|FILE and its options name, and its costs.

    Args:
        name: a registered network or a design's file; or, as `checkpoint` may be, a file of weights or a network from
            outside. With a checkpoint that has no card, the network that is in it.
        checkpoint: shipped weights, or as `name`.
        given: what a file from outside cannot say.
        width, input_size, classes: of a network without weights; the size for a network from outside, too.

    Raises:
        BadInput: nothing is named, or two networks are; as `untrained`, `trained` and `outside`.
    """
    if name is not None and checkpoint is None and is_trained(name):
        name, checkpoint = None, name
    file = next((word for word in (name, checkpoint) if word is not None and is_outside(word)), None)
    if file is not None:
        if None not in (name, checkpoint) or width is not None or classes is not None:
            raise BadInput(f"{file}: is a network itself; leave out NET, --width and --classes")
        return outside(file, given.at(input_size), preset)
    if given != NOTHING:
        raise BadInput("--weights and --input-shape are for my_net.py:Net, a .pt2 or an .onnx")
    if checkpoint is not None:
        return trained(checkpoint, name, width=width, input_size=input_size, classes=classes, preset=preset)
    if name is None:
        raise BadInput("which network? give a NET (`microbotnet nets` lists them) or --checkpoint")
    return untrained(name, width=width, input_size=input_size, classes=classes, preset=preset)


def is_trained(name: str) -> bool:
    """Whether it names weights and no network; a network's name stays one though a file is called the same."""
    from ..nets import net_names

    return name not in net_names() and (name in shipped_cards() or is_checkpoint(name))


def untrained(
    name: str,
    *,
    width: float | None = None,
    input_size: int | None = None,
    classes: int | None = None,
    preset: Preset | str = "horowitz-45nm",
) -> ProfiledNetwork:
    """A registered network and its costs. None is width 1, the paper's size, its usual number of classes.

    Raises:
        BadInput: as `create_model` and `trace`.
    """
    from ..graph.trace import trace
    from ..nets import create_model, find_net, without_values

    net = find_net(name)
    factor, outputs = 1.0 if width is None else width, net.num_classes if classes is None else classes
    try:
        with without_values():  # no time goes into random weights
            model = create_model(name, num_classes=outputs, width=factor, input_size=input_size)
    except (RuntimeError, NotImplementedError):  # a user's network that reads the values of its weights
        model = create_model(name, num_classes=outputs, width=factor, input_size=input_size)
    shape = net.input_shape if input_size is None else (3, input_size, input_size)
    return ProfiledNetwork(net.name, factor, shape, outputs, profile(trace(model, shape), preset), net.widths)


def trained(
    checkpoint: str,
    name: str | None = None,
    *,
    width: float | None = None,
    input_size: int | None = None,
    classes: int | None = None,
    preset: Preset | str = "horowitz-45nm",
) -> ProfiledNetwork:
    """The network in a checkpoint; `name` and its options are for a file without a card.

    Raises:
        BadInput: as `load_checkpoint`; or the checkpoint holds another network than `name`.
    """
    asked: dict[str, Any] | None = None
    if name is not None:
        from ..nets import find_net

        net = find_net(name)
        size = net.input_size if input_size is None else input_size
        asked = {"name": name, "width": width or 1.0, "num_classes": classes or net.num_classes, "input_size": size}
    elif any(value is not None for value in (width, input_size, classes)):
        raise BadInput(
            "a checkpoint has its own width, input size and classes: leave out those options; or, if it has no card, "
            "give NET too"
        )
    card, graph, widths = _read(checkpoint, asked)
    made = card["architecture"]
    metrics = card.get("metrics", {}) if card["data"].get("name") == "cifar10" else {}
    if asked and made != asked:
        words = ", ".join(f"{key} {value}" for key, value in made.items())
        raise BadInput(f"{checkpoint} holds another network: {words}; leave out NET and its options")
    return ProfiledNetwork(
        made["name"],
        made["width"],
        graph[graph.inputs[0]].shape,
        made["num_classes"],
        profile(graph, preset, activation_bits=stored_bits(card)),
        widths,
        checkpoint=Path(checkpoint).name,
        top1=metrics.get("top1"),
        top1_integers=metrics.get("top1_integers", metrics.get("top1")),
    )


def outside(name: str, given: Given = NOTHING, preset: Preset | str = "horowitz-45nm") -> ProfiledNetwork:
    """A network from outside, its costs and, where it is in integers, those of its program.

    Raises:
        BadInput: as `open_network` and `trace`.
    """
    opened = open_network(name, given)
    if isinstance(opened, Imported):
        program = opened.program
        graph, outputs = graph_of(program), program.tensors[program.outputs[0]].shape[0]
        stem = Path(name).stem
    else:
        from ..graph.trace import trace
        from ..nets import input_shape_of

        architecture = opened.card["architecture"]
        graph, outputs = trace(opened.model, input_shape_of(architecture)), architecture["num_classes"]
        stem = architecture["name"]
    shape = graph[graph.inputs[0]].shape
    return ProfiledNetwork(stem, 1.0, shape, outputs, profile(graph, preset), False, checkpoint=Path(name).name)


def _read(checkpoint: str, asked: dict[str, Any] | None) -> tuple[dict[str, Any], Graph, bool]:
    """The checkpoint's card and graph, and whether its network has widths; without torch for what is shipped."""
    cards = shipped_cards()
    if checkpoint in cards:
        return cards[checkpoint], *shipped_graph(checkpoint)
    from ..graph.trace import trace
    from ..nets import find_net, input_shape_of
    from ..training.checkpoint import load_checkpoint

    loaded = load_checkpoint(checkpoint, asked)
    made = loaded.card["architecture"]
    graph = trace(loaded.model, input_shape_of(made))
    return loaded.card, graph, find_net(made["name"], made.get("design")).widths
