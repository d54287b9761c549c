"""What the colours of a network drawing say about each step."""

from collections.abc import Mapping
from dataclasses import dataclass

from ..cost.profile import Profile
from ..graph.graph import Parameter

PRECISIONS = ("binary", "ternary", "float32")


@dataclass(frozen=True)
class Colouring:
    """A value of each step on a scale, or one of a few kinds.

    `values` is by the step's name; steps that are not in it stay grey. With `kinds`, a value is an index into them.
    `ratio` is how far under the largest value colours still differ.
    """

    title: str
    values: Mapping[str, float]
    unit: str = ""
    kinds: tuple[str, ...] = ()
    ratio: float = 1e4


def by_macs(profile: Profile) -> Colouring:
    """Multiply-accumulates of each step, `conv_linear`."""
    values = {layer.step.name: layer.macs["conv_linear"] for layer in profile.layers}
    return Colouring("MACs a layer (conv_linear)", values, "MACs")


def by_energy(profile: Profile) -> Colouring:
    """pJ of each step, by the profile's energy model."""
    values = {layer.step.name: sum(layer.energy_pj.values()) for layer in profile.layers}
    return Colouring(f"energy a layer ({profile.energy.preset.name})", values, "pJ")


def by_precision(profile: Profile) -> Colouring:
    """What the weights of each step are: two values, three values, or any."""
    values = {}
    for layer in profile.layers:
        if (weight := layer.step.head.weight) and layer.step.kind != "batch_norm":
            values[layer.step.name] = float(PRECISIONS.index(precision(weight)))
    return Colouring("weights", values, kinds=PRECISIONS)


def precision(weight: Parameter) -> str:
    """One of `PRECISIONS`."""
    if not weight.ternary:
        return "float32"
    return "ternary" if weight.nonzero < weight.numel else "binary"


COLOURINGS = {"macs": by_macs, "energy": by_energy, "precision": by_precision}
