"""The network that a design says: MicroBotNet's bottlenecks, at the design's numbers."""

from functools import partial

from torch import Tensor, nn

from ..design import Design, design_names, load_design
from .layers import conv_bn
from .microbotnet import Bottleneck, Row
from .registry import Net, add_net

_MODULES: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "relu6": nn.ReLU6, "hardswish": nn.Hardswish}


class Designed(nn.Module):
    """Stem, bottlenecks, head.

    Initialisation: convolutions Kaiming normal fan-out, linears normal of deviation 0.01, biases 0.

    Shape: (N, 3, H, W) float32, normalised, to (N, num_classes) logits.
    """

    def __init__(self, design: Design, *, num_classes: int = 10) -> None:
        super().__init__()
        stem, head = design.stem, design.head
        layers: list[nn.Module] = [
            conv_bn(3, stem.width, stem.kernel, stem.stride, activation=_MODULES[stem.activation])
        ]
        channels = stem.width
        for block in design.blocks():
            row = Row(
                block.kernel, block.expanded, block.outputs, block.squeeze_excite, _MODULES[block.activation],
                block.stride,
            )  # fmt: skip
            layers.append(
                Bottleneck(
                    block.inputs, block.expanded, block.outputs, row,
                    average=block.average, groups=block.groups, shift_max=block.shift_max,
                )
            )  # fmt: skip
            channels = block.outputs
        activation = _MODULES[head.activation]
        if head.width:
            layers.append(conv_bn(channels, head.width, 1, activation=activation))
            channels = head.width
        if not head.average_first:
            layers.append(nn.AdaptiveAvgPool2d(1))
        self.features = nn.Sequential(*layers)
        hidden = [nn.Linear(channels, head.hidden), activation(inplace=True)] if head.hidden else []
        self.classifier = nn.Sequential(
            *hidden, nn.Dropout(head.dropout), nn.Linear(head.hidden or channels, num_classes)
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")
            elif isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=0.01)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.features(x).flatten(1)
        return self.classifier(y)  # type: ignore[no-any-return]


def net_of(name: str, design: Design) -> Net:
    """The design as a network like any other."""
    shape = (3, design.resolution, design.resolution)
    return Net(name, partial(Designed, design), shape, design.summary or "a design", False, design)


for shipped in design_names():
    add_net(net_of(shipped, load_design(shipped)))
