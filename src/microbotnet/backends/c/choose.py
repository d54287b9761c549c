"""Which of the forms that can compute each operator is taken: the fastest, the smallest, or the best mix between."""

from collections.abc import Iterable, Sequence
from itertools import chain, combinations

from .form import Form

KERNELS = {"ternary": 900, "ternary_linear": 500, "tabled2": 700, "tabled4": 800, "tabled_linear": 500,
           "tabled2_shifted": 800, "tabled4_shifted": 900}  # bytes, about  # fmt: skip


def choose(candidates: Sequence[Sequence[Form]], prefer: str, spare: int = 0) -> list[Form]:
    """One form of each operator's.

    Args:
        candidates: the forms of each operator.
        prefer: "speed" takes the fewest instructions, "size" the fewest bytes, kernels included.
        spare: so many bytes fewer than "speed" alone takes, if there is such a choice: from layer to layer, those are
            exchanged that cost the fewest instructions for each byte.
    """
    if prefer == "size":
        return _smallest(candidates)
    made = [min(forms, key=lambda form: (form.instructions, form.bytes)) for forms in candidates]
    while spare > 0:
        exchanges = [
            ((other.instructions - form.instructions) / (form.bytes - other.bytes), index, other)
            for index, (form, forms) in enumerate(zip(made, candidates, strict=True))
            for other in forms
            if other.bytes < form.bytes
        ]
        if not exchanges:
            break
        _, index, other = min(exchanges, key=lambda exchange: exchange[:2])
        spare -= made[index].bytes - other.bytes
        made[index] = other
    return made


def _smallest(candidates: Sequence[Sequence[Form]]) -> list[Form]:
    """The least of all sums of weights and the kernels that they need."""
    best: tuple[int, list[Form]] | None = None
    for without in _subsets(KERNELS):
        allowed = [[form for form in forms if _kernel(form) not in without] for forms in candidates]
        if not all(allowed):
            continue
        made = [min(forms, key=lambda form: (form.bytes, form.instructions)) for forms in allowed]
        size = sum(form.bytes for form in made) + sum(KERNELS.get(name, 0) for name in {_kernel(form) for form in made})
        if best is None or size < best[0]:
            best = size, made
    assert best is not None  # nothing left out
    return best[1]


def _kernel(form: Form) -> str:
    return form.call.split("(")[0]


def _subsets(names: Iterable[str]) -> Iterable[tuple[str, ...]]:
    listed = list(names)
    return chain.from_iterable(combinations(listed, count) for count in range(len(listed)))
