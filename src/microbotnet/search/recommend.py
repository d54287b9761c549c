"""The best shipped network for a board and an energy, and why the next better one is not it. Needs no torch."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import as_file
from typing import Any

from ..cost.energy import estimate_energy
from ..cost.preset import Preset
from ..errors import BadInput, Failed
from ..integer.file import load_program
from ..integer.operators import Convolve
from ..integer.program import Program
from ..mcu.board import Board
from ..training.card import stored_bits
from ..weights import INSTALL, is_installed, shipped_cards, shipped_graph, shipped_program
from .budget import Budget, Limit
from .firmware_model import firmware_size


@dataclass(frozen=True)
class Candidate:
    """A shipped network as the smallest firmware. top1: of its integers. costs: by name, as budgets have them."""

    name: str
    top1: float
    costs: Mapping[str, float]
    broken: tuple[Limit, ...]

    def why(self) -> str:
        """What it breaks, and by how much."""
        return "; ".join(
            f"{limit.name} {limit.say(self.costs[limit.name])}, over by {limit.say(limit.over(self.costs[limit.name]))}"
            for limit in self.broken
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        over = {limit.name: limit.over(self.costs[limit.name]) for limit in self.broken}
        return {"name": self.name, "top1": self.top1, "costs": dict(self.costs), "over": over}


@dataclass(frozen=True)
class Recommendation:
    """The most accurate that fits, and of those more accurate the one that is least more so."""

    best: Candidate
    next: Candidate | None


def recommend(
    board: Board, energy_pj: float | None = None, *, data: str = "cifar10", preset: Preset | str = "horowitz-45nm"
) -> Recommendation:
    """Among the networks that are shipped.

    Flash is constants, which are counted, and code, which is estimated (`firmware_model`); RAM is arena, scores and
    512 bytes of stack, both of the C that spares bytes: `firmware` gives the bytes that are left to speed.

    Args:
        board: with its memories. energy_pj: the most for a picture, modelled with memory; None sets no limit.
        data: the set that the networks were trained on.
        preset: the energy model.

    Raises:
        BadInput: nothing shipped for the data, or nothing fits; it names what comes nearest and what it breaks.
        Failed: nothing of what is shipped for the data is installed.

    Warns:
        UserWarning: a network that is not installed is more accurate than the one that is named.
    """
    limits = [Limit("flash", board.code.bytes), Limit("ram", board.data.bytes)]
    limits += [] if energy_pj is None else [Limit("energy", energy_pj)]
    budget = Budget(tuple(limits))
    cards = shipped_cards(data)
    if not cards:
        known = ", ".join(sorted({card["data"]["name"] for card in shipped_cards().values()}))
        raise BadInput(f"nothing is shipped for {data!r}; there are networks for: {known}")
    top1 = {name: card["metrics"]["top1_integers"] for name, card in cards.items()}
    shipped = [_Shipped(name, top1[name], budget, preset) for name in cards if is_installed(name)]
    if not shipped:
        raise Failed(f"the networks for {data} are not installed; {INSTALL} brings them")
    shipped.sort(key=lambda one: -one.top1)
    for place, one in enumerate(shipped):
        if not one.bound.broken and not one.exact.broken:
            if better := [name for name in cards if not is_installed(name) and top1[name] > one.top1]:
                warnings.warn(f"not looked at, for not installed: {', '.join(better)}; {INSTALL}", stacklevel=2)
            return Recommendation(one.exact, shipped[place - 1].exact if place else None)
    nearest: Candidate | None = None
    for one in sorted(shipped, key=lambda one: budget.excess(one.bound.costs)):
        if nearest is not None and budget.excess(one.bound.costs) >= budget.excess(nearest.costs):
            break
        if nearest is None or budget.excess(one.exact.costs) < budget.excess(nearest.costs):
            nearest = one.exact
    assert nearest is not None
    raise BadInput(f"no shipped network fits {board.name} within {budget}; nearest is {nearest.name}: {nearest.why()}")


@dataclass(frozen=True)
class _Shipped:
    """A shipped network, whose costs are computed when they are asked for: writing a large one's C takes a second."""

    name: str
    top1: float
    budget: Budget
    preset: Preset | str

    @cached_property
    def program(self) -> Program:
        with as_file(shipped_program(self.name)) as path:
            return load_program(path)

    @cached_property
    def energy_pj(self) -> float:
        bits = stored_bits(shipped_cards()[self.name])
        return estimate_energy(shipped_graph(self.name)[0], self.preset, activation_bits=bits).total

    @cached_property
    def bound(self) -> Candidate:
        """With the bytes of its 8-bit weights as flash and no RAM: it takes no less."""
        convolutions = (o for o in self.program.operators if isinstance(o, Convolve) and o.bits == 8)
        return self._candidate(sum(o.weights.size for o in convolutions), 0)

    @cached_property
    def exact(self) -> Candidate:
        """With the bytes of the C."""
        size = firmware_size(self.program, prefer="size")
        return self._candidate(size.flash_bytes, size.ram_bytes)

    def _candidate(self, flash: int, ram: int) -> Candidate:
        costs = {"flash": flash, "ram": ram, "energy": self.energy_pj}
        return Candidate(self.name, self.top1, costs, self.budget.broken(costs))
