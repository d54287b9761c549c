"""Networks as data: a design is a few numbers that say which network it is. Needs no torch."""

from .design import ACTIVATIONS, PRECISIONS, Block, Design, Head, HeadPrecision, Stage, StagePrecision, Stem
from .file import design_from, design_names, load_design, to_toml

__all__ = [
    "ACTIVATIONS",
    "PRECISIONS",
    "Block",
    "Design",
    "Head",
    "HeadPrecision",
    "Stage",
    "StagePrecision",
    "Stem",
    "design_from",
    "design_names",
    "load_design",
    "to_toml",
]
