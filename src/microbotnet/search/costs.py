"""All that a design costs, within a third of a second: nothing is trained, compiled or traced."""

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from ..cost.energy import estimate_energy
from ..cost.macs import count_macs
from ..cost.memory import kernels_of, measure_memory, other_values, whole_bytes
from ..cost.preset import Preset
from ..design import Design
from ..design.graph import DENSITY, design_graph
from ..graph import Graph
from .firmware_model import FirmwareCost, firmware_cost

_BITS = {"float": 32, "int8": 8, "ternary": 2}


@dataclass(frozen=True)
class Costs:
    """Of a design, for one picture; each is computed when it is asked for.

    classes: outputs. density: share of ternary weights that are not zero. prefer: what the firmware spares.
    """

    design: Design
    classes: int = 10
    density: float = DENSITY
    prefer: str = "size"
    preset: Preset | str = "horowitz-45nm"

    @cached_property
    def graph(self) -> Graph:
        """Its network's."""
        return design_graph(self.design, classes=self.classes, density=self.density)

    @cached_property
    def macs(self) -> int:
        """In the convention conv_linear."""
        return count_macs(self.graph)

    @property
    def parameters(self) -> int:
        """Learned values."""
        return self.graph.parameter_count

    @cached_property
    def weight_bytes(self) -> int:
        """Each kernel at its own precision, whole bytes a kernel; all other values at 4 bytes."""
        precision = dict(self.design.precisions())
        kernels = (
            whole_bytes(kernel.numel * _BITS[precision[kernel.name.removesuffix(".weight")]])
            for kernel in kernels_of(self.graph)
        )
        return sum(kernels) + 4 * other_values(self.graph)

    @cached_property
    def peak_activation_bytes(self) -> int:
        """Live 8-bit activations at the worst step, in the best order."""
        return measure_memory(self.graph).peak_activation_bytes

    @cached_property
    def energy_pj(self) -> float:
        """Modelled with memory, in integers: float kernels at 8 bits."""
        return estimate_energy(self.graph, self.preset).total

    @cached_property
    def firmware(self) -> FirmwareCost:
        """Flash, RAM and instructions of a Cortex-M0, by `firmware_model`."""
        return firmware_cost(self.graph, prefer=self.prefer)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "macs": self.macs,
            "parameters": self.parameters,
            "weight_bytes": self.weight_bytes,
            "peak_activation_bytes": self.peak_activation_bytes,
            "energy_pj": self.energy_pj,
            **asdict(self.firmware),
        }
