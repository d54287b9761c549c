"""The operators of integer programs, each in a file of its own."""

from .add import Add
from .concatenate import Concatenate
from .convolve import Convolution, Convolve
from .extreme import Extreme
from .gate import Gate
from .lookup import Lookup
from .max_pool import MaxPool
from .operator import Operator, Rounded
from .pad import Pad
from .rescaled_convolve import RescaledConvolve
from .softmax import Softmax
from .sum_pool import SumPool
from .view import View
from .window_sum import WindowSum

OPERATORS: tuple[type[Operator], ...] = (
    Add, Concatenate, Convolve, Extreme, Gate, Lookup, MaxPool, Pad, RescaledConvolve, Softmax, SumPool, View,
    WindowSum,
)  # fmt: skip

__all__ = [
    "OPERATORS", "Add", "Concatenate", "Convolution", "Convolve", "Extreme", "Gate", "Lookup", "MaxPool", "Operator",
    "Pad", "RescaledConvolve", "Rounded", "Softmax", "SumPool", "View", "WindowSum",
]  # fmt: skip
