"""Normalisations."""

from .. import shapes
from ..graph import Graph, Node
from .kind import Called, Description, Kind, each


def _affine(called: Called) -> Description:
    return Description({}, {"weight": called.named["weight"], "bias": called.named["bias"]})


def _batch_norm_does(graph: Graph, node: Node) -> str:
    return (
        "Batch norm: after training a fixed scale and shift per channel; "
        "on a chip it folds into the layer with weights before it and then costs nothing."
    )


_CLASSES = {"layer_norm": "LayerNorm", "group_norm": "GroupNorm", "instance_norm": "InstanceNorm"}
KINDS = (
    Kind(
        "batch_norm",
        aten={"batch_norm": shapes.batch_norm},
        describe=_affine,
        thop={"BatchNorm": lambda graph, node: 2 * node.numel},
        operations=each(1, 1),
        follows=True,
        in_place=True,
        short="BN",
        signature=lambda node: f"BatchNorm{max(len(node.shape) - 1, 1)}d({node.out_channels})",
        what=_batch_norm_does,
        thop_formula=lambda node: f"2 × elements = 2 × {node.numel:,}",
        sums=True,
        convolves=True,  # alone it is a 1×1 depthwise convolution
        wide=True,
    ),
    *(
        Kind(
            name,
            aten={name: None},
            describe=_affine,
            operations=each(1, 1),
            signature=lambda node: _CLASSES[node.kind],
            what=lambda graph, node: (
                f"{_CLASSES[node.kind]}: each value less a mean, divided by a deviation, both of this very picture; "
                "unlike a batch norm it folds into no layer."
            ),
            instead="it divides by a deviation of each picture; use nn.BatchNorm2d (or 1d) and train on",
        )
        for name in ("layer_norm", "group_norm", "instance_norm")
    ),
)
