"""The space that is searched: a choice for each of some questions makes a design. Needs no torch."""

from collections.abc import Mapping
from typing import Any

from ..design import Design, Head, HeadPrecision, Stage, StagePrecision, Stem

STAGES = 4
_PRECISION = {
    "int8": ("int8", StagePrecision(*["int8"] * 4), HeadPrecision(*["int8"] * 3)),
    "ternary": (
        "int8",
        StagePrecision("ternary", "int8", "ternary", "ternary"),
        HeadPrecision("ternary", "ternary", "int8"),
    ),
}

# Every question and its answers, the cheapest first. A stage of 0 repeats is left out.
SPACE: dict[str, tuple[Any, ...]] = {
    "stem_width": (4, 8, 12, 16, 24),
    "activation": ("relu", "hardswish"),
    "head_width": (0, 48, 64, 96, 128),
    "precision": ("int8", "ternary"),
    **{
        f"{what}_{i}": answers
        for i, widths in enumerate(((8, 12, 16, 24), (12, 16, 24, 32), (24, 32, 40, 48), (32, 40, 48, 64, 96)))
        for what, answers in (
            ("width", widths),
            ("kernel", (3, 5)),
            ("expansion", (2.0, 3.0, 4.0, 6.0)),
            ("repeats", (1, 2, 3) if i < 2 else (0, 1, 2, 3, 4)),
            ("stride", (2, 1)),
            ("squeeze_excite", (False, True)),
        )
    },
}


def design_of(answers: Mapping[str, Any], *, resolution: int = 32) -> Design:
    """The design that one answer to each question of `SPACE` makes."""
    stem, stage, head = _PRECISION[answers["precision"]]
    activation = answers["activation"]
    stages = tuple(
        Stage(
            width=answers[f"width_{i}"],
            kernel=answers[f"kernel_{i}"],
            expansion=answers[f"expansion_{i}"],
            repeats=answers[f"repeats_{i}"],
            stride=answers[f"stride_{i}"],
            squeeze_excite=answers[f"squeeze_excite_{i}"],
            activation=activation,
            precision=stage,
        )
        for i in range(STAGES)
        if answers[f"repeats_{i}"]
    )
    return Design(
        stages=stages,
        stem=Stem(answers["stem_width"], activation=activation, precision=stem),
        head=Head(
            answers["head_width"], average_first=not answers["head_width"], activation=activation, precision=head
        ),
        resolution=resolution,
    )
