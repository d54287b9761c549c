"""The constants of an energy model: presets that come with the package, and a user's own TOML file.

A preset has a line `summary`, the MAC convention `macs` that its MAC constants multiply, and these constants, all
needed, none negative (`presets/horowitz-45nm.toml` is one to start from, with the source of each constant):

- `[arithmetic_pj]`: pJ of one multiply-accumulate by operand (`mac_int8`, `mac_ternary`, `mac_fp16`, `mac_fp32`), of
  one element-wise addition or multiplication (`add_…`, `multiply_…`), and `requantize`, scaling one 32-bit sum to int8
- `[memory]`: `word_bits` of an access; `kilobytes`, the sizes of memory for which `read_pj` and `write_pj` give the pJ
  of one access; `dram_pj`, that of one access to what is too large for the largest of them; `reads_per_weight` and
  `reads_per_activation`, how often each is fetched by a layer that uses it

`node_nm` and `volts`, the process, may be left out; such a preset cannot be scaled to another process. With
`base = "NAME"`, everything that is not given is as in that preset of the package.
"""

import difflib
import math
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from ..errors import BadInput
from ..plain import parse_toml, read_text
from .macs import CONVENTIONS, Convention

OPERANDS = ("int8", "ternary", "fp16", "fp32")
ARITHMETIC = (
    *(f"mac_{operand}" for operand in OPERANDS),
    *(f"{what}_{operand}" for what in ("add", "multiply") for operand in ("int8", "fp16", "fp32")),
    "requantize",
)
SINGLE = ("word_bits", "dram_pj", "reads_per_weight", "reads_per_activation")
BY_SIZE = ("kilobytes", "read_pj", "write_pj")


@dataclass(frozen=True)
class Preset:
    """The constants of an energy model; see the module. Energies in pJ."""

    name: str
    summary: str
    macs: Convention
    arithmetic: dict[str, float]
    word_bits: float
    kilobytes: tuple[float, ...]
    read_pj: tuple[float, ...]
    write_pj: tuple[float, ...]
    dram_pj: float
    reads_per_weight: float
    reads_per_activation: float
    node_nm: float | None = None
    volts: float | None = None

    def access_pj(self, size_bytes: float, *, write: bool = False) -> float:
        """Energy of one word of a memory of `size_bytes`.

        Between the sizes of the preset it grows with the square root of the size, as the length of the wires does;
        under the smallest it is that of the smallest, over the largest that of DRAM.
        """
        costs = self.write_pj if write else self.read_pj
        size = size_bytes / 1024
        if size > self.kilobytes[-1]:
            return self.dram_pj
        if size <= self.kilobytes[0]:
            return costs[0]
        above = next(i for i, kilobytes in enumerate(self.kilobytes) if kilobytes >= size)
        low, high = math.sqrt(self.kilobytes[above - 1]), math.sqrt(self.kilobytes[above])
        return costs[above - 1] + (costs[above] - costs[above - 1]) * (math.sqrt(size) - low) / (high - low)


def preset_names() -> list[str]:
    """The presets that come with the package."""
    return sorted(
        file.name.removesuffix(".toml") for file in files(f"{__package__}.presets").iterdir() if _toml(file.name)
    )


def load_preset(name: str | Path) -> Preset:
    """A preset by its name, or a user's own by the path of its TOML file.

    Raises:
        BadInput: no such preset or file; or the file is not TOML, or a constant is missing, negative or unknown.
    """
    if not _toml(str(name)):
        if name not in preset_names():
            close = difflib.get_close_matches(str(name), preset_names(), n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(preset_names())}"
            raise BadInput(f"no energy preset is called {str(name)!r}; {hint} (your own: the path of a .toml file)")
        return parse_preset(_text(str(name)), str(name))
    path = Path(name)
    return parse_preset(read_text(path, "an energy preset"), path.stem, str(path))


def parse_preset(text: str, name: str, where: str | None = None) -> Preset:
    """A preset from the text of its TOML file; `where` names it in errors."""
    where = where or f"energy preset {name}"
    value = parse_toml(text, where)
    if "base" in value:
        value = _completed(value, where)
    found = {key: value.pop(key, {}) for key in ("arithmetic_pj", "memory")}
    for key, table in found.items():
        if not isinstance(table, dict):
            raise BadInput(f"{where}: {key} must be a table, [{key}]")
    arithmetic, memory = found["arithmetic_pj"], found["memory"]
    summary = value.pop("summary", name)
    macs = value.pop("macs", None)
    if macs not in CONVENTIONS:
        raise BadInput(f"{where}: macs must be one of {', '.join(CONVENTIONS)}, not {macs!r}")
    process = {key: _number(value, key, where) for key in ("node_nm", "volts") if key in value}
    constants = {key: _number(arithmetic, key, where, "arithmetic_pj.") for key in ARITHMETIC}
    single = {key: _number(memory, key, where, "memory.") for key in SINGLE}
    by_size = {key: _numbers(memory, key, where) for key in BY_SIZE}
    extra = [*value, *(f"arithmetic_pj.{key}" for key in arithmetic), *(f"memory.{key}" for key in memory)]
    if extra:
        raise BadInput(f"{where}: {extra[0]} is not a constant of an energy preset")
    sizes = by_size["kilobytes"]
    if any(len(by_size[key]) != len(sizes) for key in BY_SIZE):
        raise BadInput(f"{where}: memory.kilobytes, memory.read_pj and memory.write_pj must be of one length")
    if list(sizes) != sorted(set(sizes)) or sizes[0] <= 0:
        raise BadInput(f"{where}: memory.kilobytes must grow, from over 0")
    for key, number in (("memory.word_bits", single["word_bits"]), *process.items()):
        if number == 0:
            raise BadInput(f"{where}: {key} must be over 0")
    return Preset(name=name, summary=str(summary), macs=macs, arithmetic=constants, **single, **by_size, **process)  # type: ignore[arg-type]


def _completed(value: dict[str, Any], where: str) -> dict[str, Any]:
    """`value` with what its base says where it says nothing itself."""
    base = value.pop("base")
    if base not in preset_names():
        raise BadInput(f"{where}: base must be one of {', '.join(preset_names())}, not {base!r}")
    below = parse_toml(_text(base), base)
    if "base" in below:
        below = _completed(below, base)
    for key, under in below.items():
        own = value.get(key)
        value[key] = under | own if isinstance(own, dict) and isinstance(under, dict) else value.get(key, under)
    return value


def _text(name: str) -> str:
    return (files(f"{__package__}.presets") / f"{name}.toml").read_text("utf-8")


def _number(table: dict[str, Any], key: str, where: str, prefix: str = "") -> float:
    if key not in table:
        raise BadInput(f"{where}: the constant {prefix}{key} is missing")
    return _checked(table.pop(key), f"{prefix}{key}", where)


def _numbers(table: dict[str, Any], key: str, where: str) -> tuple[float, ...]:
    if key not in table:
        raise BadInput(f"{where}: the constant memory.{key} is missing")
    values = table.pop(key)
    if not isinstance(values, list) or not values:
        raise BadInput(f"{where}: memory.{key} must be a list of numbers")
    return tuple(_checked(value, f"memory.{key}[{index}]", where) for index, value in enumerate(values))


def _checked(value: Any, name: str, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise BadInput(f"{where}: {name} must be a number, not {value!r}")
    if value < 0:
        raise BadInput(f"{where}: {name} is negative ({value:g})")
    return float(value)


def _toml(name: str) -> bool:
    return name.endswith(".toml")


# Stillmaker and Baas 2017 ("Scaling equations for the accurate prediction of CMOS device performance from 180 nm to
# 7 nm", Integration 58, 74-81): the energy of a switching gate fitted by a2·V² + a1·V + a0 for each node, their
# high-performance models below 65 nm. Node: a2, a1, a0, nominal volts (of the predictive models they simulate).
# The coefficients are as two open implementations of the paper agree on them, not read off its pages; a corrigendum
# to the paper exists. 180 nm, where the fit is a line, is left out.
GATE_ENERGY = {
    130: (7.171, -6.709, 2.904, 1.3),
    90: (4.762, -4.781, 2.092, 1.2),
    65: (3.755, -4.398, 1.975, 1.1),
    45: (1.018, -0.3107, 0.1539, 1.0),
    32: (0.8367, -0.4341, 0.1701, 0.9),
    20: (0.373, -0.1582, 0.04104, 0.9),
    16: (0.2958, -0.1241, 0.03024, 0.85),
    14: (0.2363, -0.09675, 0.02239, 0.8),
    10: (0.2068, -0.09311, 0.02375, 0.75),
    7: (0.1776, -0.09097, 0.02447, 0.7),
}


def scale(preset: Preset, node_nm: float, volts: float | None = None) -> Preset:
    """The same model on another process: every constant but DRAM's times the ratio of gate energies.

    Gate energies are those of Stillmaker and Baas 2017 at each process's own voltage; between two of their nodes the
    logarithm is interpolated over the logarithm of the node. SRAM is scaled like logic, which flatters nodes under
    about 16 nm, where its cells shrink less.

    Args:
        preset: one with `node_nm`.
        node_nm: from 7 to 130.
        volts: supply; None is the node's nominal one. Their fits hold near it.

    Raises:
        BadInput: the preset names no process, or the node is outside the fits.
    """
    if preset.node_nm is None:
        raise BadInput(f"energy preset {preset.name} names no process (node_nm), so it cannot be scaled to another")
    for node in (preset.node_nm, node_nm):
        if not min(GATE_ENERGY) <= node <= max(GATE_ENERGY):
            raise BadInput(f"energy can be scaled between 7 and 130 nm, not {node:g} nm")
    volts = nominal_volts(node_nm) if volts is None else volts
    if not 0.4 <= volts <= 1.8:
        raise BadInput(f"volts must be from 0.4 to 1.8, not {volts:g}")
    factor = gate_energy(node_nm, volts) / gate_energy(preset.node_nm, preset.volts or nominal_volts(preset.node_nm))
    return replace(
        preset,
        name=f"{preset.name} at {node_nm:g} nm",
        summary=f"{preset.summary}; scaled to {node_nm:g} nm, {volts:.2g} V, × {factor:.3f}",
        arithmetic={key: value * factor for key, value in preset.arithmetic.items()},
        read_pj=tuple(value * factor for value in preset.read_pj),
        write_pj=tuple(value * factor for value in preset.write_pj),
        node_nm=node_nm,
        volts=volts,
    )


def gate_energy(node_nm: float, volts: float) -> float:
    """Relative energy of a switching gate (Stillmaker and Baas 2017)."""

    def fitted(node: int) -> float:
        a2, a1, a0, _ = GATE_ENERGY[node]
        return a2 * volts**2 + a1 * volts + a0

    low, high, part = _between(node_nm)
    return math.exp((1 - part) * math.log(fitted(low)) + part * math.log(fitted(high)))


def nominal_volts(node_nm: float) -> float:
    """The usual supply of a process."""
    low, high, part = _between(node_nm)
    return (1 - part) * GATE_ENERGY[low][3] + part * GATE_ENERGY[high][3]


def _between(node_nm: float) -> tuple[int, int, float]:
    """The nodes of the table on both sides, and how far from the first to the second, 0…1."""
    low = max(node for node in GATE_ENERGY if node <= node_nm)
    high = min(node for node in GATE_ENERGY if node >= node_nm)
    return low, high, math.log(node_nm / low) / math.log(high / low) if high > low else 0.0
