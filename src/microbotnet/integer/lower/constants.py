"""The constants of ATen calls as NumPy's numbers: kernels, biases, batch norms, bounds."""

from collections.abc import Sequence
from math import inf
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ...graph.calls import Call
from ...graph.graph import Node
from ..program import Pair
from .refused import Refused

Real = NDArray[np.float64]


def real(tensor: torch.Tensor) -> Real:
    """Its values."""
    if tensor.is_meta:
        raise Refused("multiplies by what is computed of the picture; its constants must be the network's own")
    return tensor.detach().cpu().double().numpy()


def two(values: Sequence[int], one: int = 1) -> Pair:
    """Of rows, of columns; a signal has one row."""
    *rows, columns = (int(value) for value in values)
    return (rows[0] if rows else one), columns


def listed(value: Any) -> list[int]:
    """A number or several, as a list."""
    return [value] if isinstance(value, int) else list(value)


def bounds(node: Node, call: Call) -> tuple[float, float]:
    """The least and the largest that a clamp makes."""
    if node.kind != "clamp":
        return 0.0, 6.0 if node.kind == "relu6" else inf
    found = [call.named.get(name, call.named.get(f"{name}_val")) for name in ("min", "max")]
    if any(isinstance(end, torch.Tensor) for end in found):
        raise Refused("clamps to a tensor, not to numbers", node)
    return -inf if found[0] is None else float(found[0]), inf if found[1] is None else float(found[1])


def batch_norm(node: Node, call: Call) -> tuple[Real, Real]:
    """a and b of y = a·x + b for each channel."""
    mean, variance, weight, bias = (call.named[k] for k in ("running_mean", "running_var", "weight", "bias"))
    if mean is None or variance is None:
        raise Refused("normalises by the statistics of the batch; a chip sees one picture", node)
    a = 1 / np.sqrt(real(variance) + call.named["eps"])
    a = a if weight is None else a * real(weight)
    return a, (0 if bias is None else real(bias)) - real(mean) * a


def constants(node: Node, call: Call) -> tuple[Real, Real]:
    """a and b of y = a·x + b, as tensors of the network without the batch."""
    named, (given,) = call.named, {id(tensor) for tensor in call.given}
    left, right = named["self"], named["other"]
    turned = id(right) == given  # the constant comes first
    constant = real(left if turned else right)
    constant = constant[0] if constant.ndim > len(node.shape) else constant
    alpha = float(named.get("alpha", 1))
    one, zero = np.ones(()), np.zeros(())
    match node.kind:
        case "mul":
            return constant, zero
        case "add":
            return (alpha * one, constant) if turned else (one, alpha * constant)
        case "sub":
            return (-alpha * one, constant) if turned else (one, -alpha * constant)
        case "rsub":  # other − alpha·self
            return (one, -alpha * constant) if turned else (-alpha * one, constant)
        case "div" if not turned:
            return 1 / constant, zero
    raise Refused("divides a constant; multiply by a reciprocal, which is a function of one value", node)


def affine(node: Node, call: Call) -> tuple[Real, Real]:
    """a and b of y = a·x + b for each channel."""
    if node.kind == "batch_norm":
        return batch_norm(node, call)
    a, b = (np.broadcast_to(value, (node.shape[0],) + (1,) * (len(node.shape) - 1)) for value in constants(node, call))
    return a.reshape(-1), b.reshape(-1)


def linear(call: Call) -> tuple[Real, Real, int]:
    """Weight (outputs, inputs) and bias of a linear layer, or of a product with a constant matrix, and its axis.

    That is the last, or the last but one where the matrix stands on the left.
    """
    named, axis = call.named, -1
    if "weight" in named:
        weight, bias = named["weight"], named["bias"]
    else:
        given = {id(tensor) for tensor in call.given}
        left = named["mat1"] if "mat1" in named else named["self"]
        right = named["mat2"] if "mat2" in named else named["other"]
        turned = id(left) not in given
        matrix, bias = left if turned else right, named["self"] if "mat1" in named else None
        matrix = matrix.squeeze(0) if matrix.ndim == 3 else matrix
        if matrix.ndim != 2 or (turned and bias is not None):
            raise Refused("is no product of a picture's values with one matrix; write it as linear layers")
        weight, axis = (matrix, -2) if turned else (matrix.T, -1)
    weight = real(weight)
    return weight, np.zeros(len(weight)) if bias is None else np.broadcast_to(real(bias), len(weight)), axis


def dilated(weight: Real, dilation: Sequence[int]) -> Real:
    """The kernel with zeros between its taps."""
    if all(gap == 1 for gap in dilation):
        return weight
    size = [(k - 1) * gap + 1 for k, gap in zip(weight.shape[2:], dilation, strict=True)]
    wide = np.zeros((*weight.shape[:2], *size))
    wide[:, :, :: dilation[0], :: dilation[1]] = weight
    return wide
