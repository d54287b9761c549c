"""The operators of integer programs, each in a file of its own."""

from .add import Add
from .concatenate import Concatenate
from .convolve import Convolve
from .gate import Gate
from .lookup import Lookup
from .max_pool import MaxPool
from .operator import Operator, Rounded
from .rescaled_convolve import RescaledConvolve
from .sum_pool import SumPool

OPERATORS: tuple[type[Operator], ...] = (Add, Concatenate, Convolve, Gate, Lookup, MaxPool, RescaledConvolve, SumPool)

__all__ = [
    "OPERATORS",
    "Add",
    "Concatenate",
    "Convolve",
    "Gate",
    "Lookup",
    "MaxPool",
    "Operator",
    "RescaledConvolve",
    "Rounded",
    "SumPool",
]
