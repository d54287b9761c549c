"""A memory plan as a picture: operators from left to right, bytes of the arena from bottom to top."""

from math import ceil

from ..integer.arena import Area, Plan
from ..integer.program import Program
from .svg import Drawing, text_width

KINDS = {
    "picture": "kind7",
    "lookup": "kind5",
    "convolve": "kind0",
    "sumpool": "kind3",
    "maxpool": "kind4",
    "gate": "kind6",
    "add": "kind2",
    "concatenate": "kind1",
}
WORDS = {"sumpool": "pool", "maxpool": "max pool"}


def draw_arena(program: Program, plan: Plan, title: str, *, width: float = 1000, inline: bool = False) -> str:
    """SVG of where every tensor and scratch lies, and while which operators it is needed."""
    draw = Drawing()
    count = len(program.operators)
    left, top, bottom = 62.0, 50.0, 370.0
    step = (width - left - 20) / max(count, 1)
    total = max(plan.size, 1)
    made = {operator.output: type(operator).__name__.lower() for operator in program.operators}

    def up(value: float) -> float:
        return bottom - value / total * (bottom - top)

    draw.text(16, 24, title, size=14, css="ink bold")
    state = "no plan is smaller" if plan.optimal else f"every plan needs {plan.lower_bound:,} or more"
    draw.text(16, 40, f"{plan.size:,} bytes; {state}", size=10, css="soft")
    unit = _unit(total)
    for mark in range(0, total + 1, unit):
        draw.line([(left, up(mark)), (left + count * step, up(mark))], "rule")
        draw.text(left - 6, up(mark) + 3.5, f"{mark:,}", size=10, css="soft", anchor="end")
    for area in sorted(plan.areas, key=lambda a: (a.first, a.scratch)):
        x, end = left + step * (area.first + _late(area, plan)), left + step * (area.last + 1 - _early(area, plan))
        kind = "scratch" if area.scratch else made.get(area.name, "picture")
        draw.open(f"{area.name}: {kind}, {area.size:,} bytes at {area.offset:,}")
        high = up(area.offset) - up(area.offset + area.size)
        draw.rect(
            x + 0.4, up(area.offset + area.size) + 0.4, end - x - 0.8, max(high - 0.8, 0.8), KINDS.get(kind, "none")
        )
        name = area.name
        if high >= 11 and text_width(name, 8) + 6 < end - x:
            draw.text(x + 3, up(area.offset + area.size) + 9, name, size=8, css="ink")
        draw.close()
    draw.line([(left, up(plan.size)), (left + count * step, up(plan.size))], "limit dashes")
    x = left
    for kind in (*KINDS, "scratch"):
        if kind in {"picture", *made.values()} or (kind == "scratch" and plan.scratch):
            word = WORDS.get(kind, kind)
            draw.rect(x, bottom + 22, 10, 10, KINDS.get(kind, "none"))
            draw.text(x + 14, bottom + 31, word, size=10, css="soft")
            x += 30 + text_width(word, 10)
    draw.text(left + count * step, bottom + 14, f"{count} operators, in the order they run", size=10, css="soft",
              anchor="end")  # fmt: skip
    return draw.svg(width, bottom + 44, title, inline=inline)


def _late(area: Area, plan: Plan) -> float:
    """Half a step if it is written over another: the picture shows the bytes handed on."""
    return 0.5 if any(_together(area, other) and other.last == area.first for other in plan.areas) else 0.0


def _early(area: Area, plan: Plan) -> float:
    return 0.5 if any(_together(area, other) and area.last == other.first for other in plan.areas) else 0.0


def _together(a: Area, b: Area) -> bool:
    return a is not b and a.offset < b.offset + b.size and b.offset < a.offset + a.size


def _unit(total: int) -> int:
    """Between two marks: a power of two times 1,024 where the arena is that large, at most eight marks."""
    unit = 1024 if total >= 2048 else 64
    return unit << max(0, ceil(total / unit / 8) - 1).bit_length()
