"""What only moves elements: reshapes, slices, transposes, borders, upsampling."""

from .. import shapes
from ..graph import Graph, Node, times
from .kind import Called, Description, Kind, before, rearranges


def _pad(called: Called) -> Description:
    """A border of a constant; others repeat or mirror the picture."""
    return Description(kind="pad" if called.named.get("mode", "constant") == "constant" else "mirror")


def _repeats(graph: Graph, node: Node) -> str:
    return f"Repeats {times(before(graph, node))} to {times(node.shape)}. Nothing is computed."


def _borders(graph: Graph, node: Node) -> str:
    return f"A border around {times(before(graph, node))} makes it {times(node.shape)}. Nothing is computed."


def _between(graph: Graph, node: Node) -> str:
    return f"Each value a weighted sum of its nearest neighbours, {times(before(graph, node))} to {times(node.shape)}."


def _weighted(node: Node, neighbours: int) -> tuple[int, int]:
    return node.numel * (neighbours - 1), node.numel * neighbours


KINDS = (
    Kind("input", what=lambda graph, node: f"The picture: {times(node.shape)} values."),
    Kind(
        "reshape",
        aten=dict.fromkeys(("view", "reshape", "squeeze", "unsqueeze", "unflatten", "view_as")),
        reshapes=True,
        view=True,
        what=rearranges,
        passes_scale=True,
    ),
    Kind("flatten", aten={"flatten": None}, reshapes=True, view=True, what=rearranges, passes_scale=True),
    Kind(
        "expand",
        aten=dict.fromkeys(("expand", "expand_as", "broadcast_to")),
        reshapes=True,  # its readers read the one element again and again
        view=True,
        what=_repeats,
        passes_scale=True,
        keeps=True,
    ),
    Kind(
        "transpose",
        aten=dict.fromkeys(
            ("permute", "transpose", "t", "movedim", "channel_shuffle", "pixel_shuffle", "pixel_unshuffle")
        ),
        what=rearranges,
        keeps=True,
    ),
    Kind("flip", aten=dict.fromkeys(("flip", "rot90")), what=rearranges, keeps=True),
    Kind("roll", aten={"roll": None}, what=rearranges, keeps=True),
    Kind("repeat", aten=dict.fromkeys(("repeat", "tile")), what=_repeats, keeps=True),
    Kind(
        "index",
        aten=dict.fromkeys(("index", "_unsafe_index", "index_select")),
        what=rearranges,
        keeps=True,
        instead="use slices and torch.cat",
    ),
    Kind(
        "slice",
        aten=dict.fromkeys(("slice", "select", "narrow", "chunk", "split", "split_with_sizes", "unbind")),
        view=True,
        what=rearranges,
        passes_scale=True,
        keeps=True,
    ),
    Kind(
        "copy",
        aten=dict.fromkeys(("copy", "fill", "zero")),
        instead="make the tensor by torch.cat or F.pad; what is written into a part of another is not followed",
    ),
    Kind(
        "pad",
        aten={"pad": shapes.pad, "constant_pad_nd": shapes.pad},
        describe=_pad,
        what=_borders,
        keeps=True,
    ),
    Kind(
        "mirror",  # a border of the picture's own values
        aten=dict.fromkeys(f"{how}_pad{axes}d" for how in ("reflection", "replication") for axes in (1, 2, 3)),
        what=_borders,
        keeps=True,
        instead="pad with zeros",
    ),
    Kind(
        "upsample",
        aten=dict.fromkeys(
            f"{how}{axes}d" for how in ("upsample_nearest", "_upsample_nearest_exact") for axes in (1, 2, 3)
        ),
        what=_repeats,
        keeps=True,
    ),
    Kind(
        "interpolate",
        aten=dict.fromkeys(("upsample_linear1d", "upsample_bilinear2d", "upsample_trilinear3d")),
        operations=lambda node: _weighted(node, 2 ** (len(node.shape) - 1)),
        what=_between,
        instead='use mode="nearest" or a transposed convolution',
    ),
    Kind(
        "bicubic",
        aten={"upsample_bicubic2d": None},
        operations=lambda node: _weighted(node, 16),
        what=_between,
        instead='use mode="nearest" or a transposed convolution',
    ),
)
