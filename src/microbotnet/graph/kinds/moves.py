"""What only moves elements: reshapes, slices, transposes, borders, upsampling."""

from .. import shapes
from ..graph import times
from .kind import Kind, rearranges

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
        "transpose",
        aten=dict.fromkeys(("permute", "transpose", "t", "movedim", "channel_shuffle", "pixel_shuffle")),
        what=rearranges,
    ),
    Kind(
        "slice",
        aten=dict.fromkeys(("slice", "select", "narrow", "chunk", "split", "split_with_sizes", "unbind")),
        view=True,
        what=rearranges,
        passes_scale=True,
    ),
    Kind("copy", aten=dict.fromkeys(("copy", "fill", "zero"))),
    Kind(
        "pad",
        aten={
            "pad": shapes.pad,
            "constant_pad_nd": shapes.pad,
            "reflection_pad2d": None,
            "replication_pad2d": None,
        },
    ),
    Kind("upsample", aten=dict.fromkeys(f"upsample_{how}2d" for how in ("nearest", "bilinear", "bicubic"))),
)
