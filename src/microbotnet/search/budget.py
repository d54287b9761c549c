"""Budgets: "macs<=1e6, flash<=48k, ram<=16k, energy<=1uJ" as limits that costs are held against."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from math import isfinite

from ..errors import BadInput

# What can be limited: its unit. The key is also what it is called in messages.
UNITS = {
    "macs": "", "parameters": "", "weights": "bytes", "activations": "bytes", "energy": "J", "flash": "bytes",
    "ram": "bytes", "instructions": "",
}  # fmt: skip
_SUFFIXES: dict[str, dict[str, float]] = {
    "": {"": 1, "k": 1e3, "M": 1e6, "m": 1e6, "G": 1e9, "g": 1e9},
    "bytes": {"": 1, "B": 1, "b": 1, "k": 1024, "K": 1024, "kB": 1024, "KB": 1024, "kb": 1024, "KiB": 1024,
              "M": 1024**2, "MB": 1024**2, "MiB": 1024**2},
    "J": {"pJ": 1, "nJ": 1e3, "uJ": 1e6, "µJ": 1e6, "μJ": 1e6, "mJ": 1e9},
}  # fmt: skip
_LIMIT = re.compile(r"\s*([A-Za-z]+)\s*(<=|≤|<)\s*(\S.*?)\s*")
_NUMBER = re.compile(r"([0-9][0-9_]*\.?[0-9]*(?:[eE][+-]?[0-9]+)?)\s*([A-Za-zµμ]*)")


@dataclass(frozen=True)
class Limit:
    """The most that `name`, of `UNITS`, may be: a count, bytes or pJ."""

    name: str
    most: float

    def over(self, value: float) -> float:
        """By how much `value` is too large; 0 where it is not."""
        return max(value - self.most, 0)

    def say(self, value: float) -> str:
        """A value in the limit's unit, for people."""
        return say(self.name, value)


@dataclass(frozen=True)
class Budget:
    """Limits that must all hold."""

    limits: tuple[Limit, ...]

    def broken(self, costs: Mapping[str, float]) -> tuple[Limit, ...]:
        """The limits that `costs`, by name, does not hold."""
        return tuple(limit for limit in self.limits if limit.over(costs[limit.name]))

    def excess(self, costs: Mapping[str, float]) -> float:
        """How far outside: the sum over all limits of the share by which each is broken; 0 inside."""
        return sum(limit.over(costs[limit.name]) / limit.most for limit in self.limits)

    def __str__(self) -> str:
        return ", ".join(f"{limit.name} ≤ {limit.say(limit.most)}" for limit in self.limits)


def parse_budget(text: str) -> Budget:
    """A budget from its text, limits with commas between them.

    Raises:
        BadInput: a part is no limit, limits nothing that is known or twice the same, or its number is none.
    """
    found: dict[str, Limit] = {}
    for part in text.split(","):
        match = _LIMIT.fullmatch(part)
        if not match:
            raise BadInput(f"budget: {part.strip()!r} is no limit; write NAME<=NUMBER, such as flash<=48k")
        name, _, number = match.groups()
        name = name.lower()
        if name not in UNITS:
            close = get_close_matches(name, UNITS, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(UNITS)}"
            raise BadInput(f"budget: {name!r} cannot be limited; {hint}")
        if name in found:
            raise BadInput(f"budget: {name} is limited twice")
        found[name] = Limit(name, parse_quantity(number, name))
    return Budget(tuple(found.values()))


def parse_quantity(text: str, name: str) -> float:
    """A count, bytes or pJ from text such as 1e6, 48k or 1uJ; `name`, of `UNITS`, says what it is of."""
    unit = UNITS[name]
    match = _NUMBER.fullmatch(text.strip())
    suffixes = _SUFFIXES[unit]
    if not match or match[2] not in suffixes:
        known = ", ".join(suffix for suffix in suffixes if suffix)
        example = {"": "1e6", "bytes": "48k", "J": "1uJ"}[unit]
        raise BadInput(f"{name}: {text!r} is no amount; write a number with one of {known}, such as {example}")
    value = float(match[1]) * suffixes[match[2]]
    if not isfinite(value) or value <= 0:
        raise BadInput(f"{name}: must be over 0, not {text}")
    return value


def say(name: str, value: float) -> str:
    """A value of `name`, of `UNITS`, for people."""
    unit = UNITS[name]
    if unit == "J":
        return f"{value / 1e6:,.3g} µJ"
    return f"{value:,.0f} bytes" if unit == "bytes" else f"{value:,.0f}"
