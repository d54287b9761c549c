"""Which of the forms that can compute each operator is taken: the fastest, the smallest, or the best mix between."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from .kernel_call import KernelCall

# Bytes of each kernel's code, about, counted once.
KERNELS = {
    "ternary": 900, "ternary_linear": 500, "tabled2": 700, "tabled4": 800, "tabled_linear": 500, "tabled2_shifted": 800,
    "tabled4_shifted": 900, "depthwise": 800, "depthwise_ternary": 1100, "depthwise_2x2": 450, "dense": 650,
    "immediate": 300, "dots": 500, "quads": 900, "pointwise": 60, "mirrored": 300, "dual": 900, "dual_pointwise": 600,
    "tripled": 1000, "gathered": 300, "twofold": 300, "classed": 400,
}  # fmt: skip


def choose(candidates: Sequence[Sequence[KernelCall]], prefer: str, more: int | None = None) -> list[KernelCall]:
    """One form of each operator's.

    Args:
        candidates: the forms of each operator.
        prefer: "speed" takes the fewest instructions, "size" the fewest bytes, kernels included.
        more: bytes that "size" may add, about: forms are exchanged that spare the most instructions for each byte. None
            is a hundredth of the smallest.
    """
    if prefer == "speed":
        return [_fastest(forms) for forms in candidates]
    smallest = _smallest(candidates)
    return _faster(smallest, candidates, _size(smallest) // 100 if more is None else more)


def _fastest(forms: Sequence[KernelCall]) -> KernelCall:
    """Of equally fast ones the smallest; bytes take time to count."""
    least = min(form.instructions for form in forms)
    return min((form for form in forms if form.instructions == least), key=lambda form: form.bytes)


def _smallest(candidates: Sequence[Sequence[KernelCall]]) -> list[KernelCall]:
    """The least sum of weights and kernels that is found by doing without one kernel after the other."""
    ordered = [sorted(forms, key=lambda form: (form.bytes + form.code, form.instructions)) for forms in candidates]
    without: set[str] = set()
    best = _least(ordered, without)
    while best is not None:
        used = KERNELS.keys() & {form.kernel for form in best}
        tried = [(name, _least(ordered, without | {name})) for name in used]
        found = [(_size(forms), name, forms) for name, forms in tried if forms is not None]
        size, name, forms = min(found, default=(0, "", None), key=lambda each: each[:2])
        if forms is None or size >= _size(best):
            return best
        without.add(name)
        best = forms
    raise AssertionError("an operator has no form")


def _least(ordered: Sequence[Sequence[KernelCall]], without: Collection[str]) -> list[KernelCall] | None:
    """Of each operator the first form that does without these kernels; None if one has none."""
    found = [next((form for form in forms if form.kernel not in without), None) for forms in ordered]
    there = [form for form in found if form is not None]
    return there if len(there) == len(found) else None


def _faster(made: list[KernelCall], candidates: Sequence[Sequence[KernelCall]], more: int) -> list[KernelCall]:
    """Exchange forms as long as there is room, those first that spare the most instructions for each byte."""
    while exchanges := _exchanges(made, candidates, more):
        _, changed = max(exchanges, key=lambda exchange: exchange[0])
        more -= _size(changed) - _size(made)
        made = changed
    return made


def _exchanges(
    made: list[KernelCall], candidates: Sequence[Sequence[KernelCall]], more: int
) -> list[tuple[float, list[KernelCall]]]:
    """Instructions spared for each byte, and the forms then. Layers that need the same new function share its bytes."""
    there = Counter(name for form in made for name in _code(form))
    sharing: dict[frozenset[str], dict[int, tuple[float, KernelCall]]] = {}
    for index, (form, forms) in enumerate(zip(made, candidates, strict=True)):
        for other in forms:
            spared = form.instructions - other.instructions
            if spared > 0:
                new = frozenset(_code(other).keys() - there.keys())
                found = (spared / max(other.bytes - form.bytes, 1), other)
                sharing.setdefault(new, {})
                sharing[new][index] = max(sharing[new].get(index, found), found, key=lambda each: each[0])
    exchanges = []
    for new, best in sharing.items():
        order = sorted(best.items(), key=lambda each: -each[1][0])
        for together in [order] if new else [[each] for each in order]:
            changed, spared, cost, needed = list(made), 0.0, 0, dict(there)
            for index, (_, other) in together:
                changed[index] = other
                spared += made[index].instructions - other.instructions
                cost += other.bytes - made[index].bytes + _exchanged(_code(made[index]), _code(other), needed)
                if cost <= more:
                    exchanges.append((spared / max(cost, 1), list(changed)))
    return exchanges


def _exchanged(old: Mapping[str, int], new: Mapping[str, int], needed: dict[str, int]) -> int:
    """Bytes that functions then take more. needed: how many layers need each, which changes."""
    cost = 0
    for name, size in old.items():
        needed[name] -= 1
        cost -= size * (needed[name] == 0)
    for name, size in new.items():
        cost += size * (needed.get(name, 0) == 0)
        needed[name] = needed.get(name, 0) + 1
    return cost


def _size(forms: Sequence[KernelCall]) -> int:
    code = {name: size for form in forms for name, size in _code(form).items()}
    return sum(form.bytes for form in forms) + sum(code.values())


def _code(form: KernelCall) -> dict[str, int]:
    """Bytes of the functions that it needs: its own, and the kernel, however many layers call them."""
    return dict.fromkeys(form.functions, form.code) | {form.kernel: KERNELS.get(form.kernel, 0)}
