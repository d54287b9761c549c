"""The larger or the smaller of two maps."""

from ...quant.stages import Stage
from ..operators import Extreme
from .add import spread
from .lowering import Lowering, lowers
from .refused import Refused


@lowers("maximum", "minimum")
def extreme(lowering: Lowering, stage: Stage) -> None:
    """Both inputs as integers of the output's scale: the larger integer is that of the larger number."""
    head = stage.head
    if len(head.inputs) != 2:
        raise Refused("compares with several constants; only one number, or another map, is lowered")
    held = lowering.stages.held[stage.name]
    assert held is not None
    inputs = [spread(lowering, name, head.shape) for name in head.inputs]
    a, b = (lowering.rescaled(x, *lowering.scales[held], head.name) for x in inputs)
    largest = head.kind == "maximum"
    pick = max if largest else min
    operator = Extreme(head.name, (a.name, b.name), stage.name, largest)
    lowering.hold(stage, operator, a.shape, pick(a.low, b.low), pick(a.high, b.high))
