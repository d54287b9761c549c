"""Which of the forms that can compute each operator is taken: the fastest, the smallest, or the best mix between."""

from collections import Counter
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
        used = Counter(name for form in made for name in form.functions)
        exchanges = []
        for index, (form, forms) in enumerate(zip(made, candidates, strict=True)):
            for other in forms:
                saved = form.bytes - other.bytes
                saved += form.code * all(used[name] == 1 and name not in other.functions for name in form.functions)
                saved -= other.code * any(name not in used for name in other.functions)
                if saved > 0 and other.instructions >= form.instructions:
                    exchanges.append(((other.instructions - form.instructions) / saved, index, saved, other))
        if not exchanges:
            break
        _, index, saved, other = min(exchanges, key=lambda exchange: exchange[:2])
        spare -= saved
        made[index] = other
    return made


def _smallest(candidates: Sequence[Sequence[Form]]) -> list[Form]:
    """The least of all sums of weights and the kernels that they need."""
    best: tuple[int, list[Form]] | None = None
    for without in _subsets(KERNELS):
        allowed = [[form for form in forms if _kernel(form) not in without] for forms in candidates]
        if not all(allowed):
            continue
        made = [min(forms, key=lambda form: (form.bytes + form.code, form.instructions)) for forms in allowed]
        own = {name: form.code for form in made for name in form.functions}
        size = sum(KERNELS.get(name, 0) for name in {_kernel(form) for form in made})
        size += sum(form.bytes for form in made) + sum(own.values())
        if best is None or size < best[0]:
            best = size, made
    assert best is not None  # nothing left out
    return best[1]


def _kernel(form: Form) -> str:
    return form.call.split("(")[0]


def _subsets(names: Iterable[str]) -> Iterable[tuple[str, ...]]:
    listed = list(names)
    return chain.from_iterable(combinations(listed, count) for count in range(len(listed)))
