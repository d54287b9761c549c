"""Why each operator is written in the form that was taken, and not in another."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ...integer.operators import Convolve, Operator
from ...integer.program import Program
from .emit import Prepared
from .kernel_call import KernelCall, is_pointwise


@dataclass(frozen=True)
class Choice:
    """Of one operator: the form, and for every other kind of form what spoke against the best of that kind."""

    name: str
    taken: str
    others: tuple[tuple[str, str], ...]


def explain(prepared: Prepared) -> list[Choice]:
    """What was chosen for a small core, of what, and why; see `prepare`."""
    program, isa = prepared.program, prepared.isa
    both = zip(program.operators, prepared.candidates, prepared.forms, strict=True)

    def rank(form: KernelCall) -> tuple[float, float]:
        size = form.bytes + form.code
        return (form.instructions, size) if prepared.prefer == "speed" else (size, form.instructions)

    def best(forms: Sequence[KernelCall]) -> Iterable[tuple[str, KernelCall]]:
        """The best of each kind, which comes last."""
        return {form.kind: form for form in sorted(forms, key=rank, reverse=True)}.items()

    return [
        Choice(
            operator.name,
            form.kind,
            (
                *((kind, _against(other, form, prepared)) for kind, other in best(forms) if kind != form.kind),
                *_missing(program, operator, {other.kind.split(",")[0] for other in forms}, isa),
            ),
        )
        for operator, forms, form in both
    ]


def _against(other: KernelCall, form: KernelCall, prepared: Prepared) -> str:
    slower = other.instructions - form.instructions
    larger = other.bytes + other.code - form.bytes - form.code
    if prepared.ram is not None and other.scratch > form.scratch:
        return f"{other.scratch:,} bytes of RAM for itself instead of {form.scratch:,}"
    if prepared.prefer == "speed":
        return f"about {slower:,.0f} instructions more" if slower > 0 else "no fewer instructions, and more bytes"
    if larger > 0:
        return f"about {larger:,} bytes more" + (f", for {-slower:,.0f} instructions fewer" if slower < 0 else "")
    return "no fewer bytes where its kernel is the only layer's"


def _missing(program: Program, operator: Operator, there: set[str], isa: str) -> list[tuple[str, str]]:
    """Forms that cannot be written for it."""
    if not isinstance(operator, Convolve):
        return []
    (x,), y = program.of(operator)
    wide = operator.weights.shape[3]
    depthwise = operator.weights.shape[1] == 1 and len(operator.weights) == operator.groups
    found: list[tuple[str, str]] = []

    def missing(kind: str, reasons: list[tuple[bool, str]]) -> None:
        if kind not in there:
            first = [why for holds, why in reasons if holds]
            found.append((kind, first[0] if first else "its numbers are too long or its map too large for it"))

    scores = (y.dtype != "int8", "its outputs are no bytes")
    if depthwise:
        if operator.bits <= 2 and not there & {"taps", "squares"}:
            together = 4 if operator.stride[1] == 1 else 2
            missing("taps", [
                scores, (operator.stride[1] > 2, "windows more than two apart"),
                (x.shape[2] % 4 != 0, "columns of its map are no multiple of four"),
                (y.shape[2] % together != 0, f"columns of its output are no multiple of {together}"),
            ])  # fmt: skip
        missing("stripes", [scores, (x.shape[2] > 31, "more than 31 columns")])
        missing("wide", [scores, (y.shape[2] % 4 != 0, "columns of its output are no multiple of four")])
        if isa == "dsp":
            missing("paired", [scores, (max(operator.stride) > 2, "windows more than two apart")])
        return found
    pointwise = is_pointwise(program, operator)
    if operator.bits > 2:
        missing("ternary", [(True, "its weights have 8 bits")])
        missing("quads", [
            scores, (operator.groups > 1, "groups"), (wide != 3, "its windows do not have three columns"),
            (operator.stride[1] != 1, "its windows are more than one column apart"),
            (x.shape[2] % 4 != 0 or y.shape[2] % 2 != 0, "columns of its map are no multiple of four"),
        ])  # fmt: skip
        missing("pointwise", [
            scores, (operator.groups > 1, "groups"),
            (not pointwise, "its windows are larger than a pixel, or apart, or reach over the map"),
            (y.shape[1] * y.shape[2] == 1, "one pixel"),
        ])  # fmt: skip
    if isa == "dsp":
        apart = (max(operator.stride) > 2 or operator.stride[0] != operator.stride[1], "its strides")
        missing("dual_pointwise" if pointwise else "dual", [scores, (operator.groups > 1, "groups"), apart])
        if operator.bits <= 2 and pointwise:
            pixels = y.shape[1] * y.shape[2]
            missing("tripled", [scores, (pixels % 8 != 0, f"its output's pixels, {pixels}, are no multiple of eight")])
    return found
