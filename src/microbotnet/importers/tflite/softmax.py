"""Softmax."""

from ...integer.operators import Softmax
from .exponentials import exponentials
from .file import Node
from .layout import Held
from .lowering import Lowering, Refused


def softmax(lowering: Lowering, node: Node) -> None:
    """SOFTMAX over the last axis, whose output is always held as 256·y − 128."""
    x, y = lowering.input(node, 0), lowering.output(node)
    scale, zero_point = lowering.scale(y)
    if abs(256 * float(scale) - 1) > 1e-3 or zero_point != -128:
        raise Refused(f"its output has the scale {scale} and the zero point {zero_point}; 1/256 and −128 are expected")
    beta = float(node.options.get("Beta", 0.0))
    of_x = lowering.scale(x)[0]
    if not 0 < beta * float(of_x) < 2**26:
        raise Refused(f"has the factor {beta}")
    held = lowering.read(x)
    rows = held.places.reshape(-1, *x.shape[-1:])
    tensor = lowering.ordered(held.moved(rows))
    name = lowering.name()
    operator = Softmax(name, tensor.name, name, exponentials(of_x, beta))
    at = lowering.shaped(Held(name, rows.shape).places, y)
    lowering.make(y, operator, tensor.shape, (-128, 127), held=Held(name, y.shape, at))
