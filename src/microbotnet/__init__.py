"""microbotnet: from an image classifier's idea to a micro-robot's chip.

The public names are flat and load on first use, so `import microbotnet` stays fast and does not import torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .cost.energy import estimate_energy as estimate_energy
    from .cost.macs import count_macs as count_macs
    from .cost.memory import measure_memory as measure_memory
    from .cost.profile import profile as profile
    from .data.iterators import get_combined_iterators as get_combined_iterators
    from .data.iterators import get_indoor_iterators as get_indoor_iterators
    from .data.iterators import get_micro_iterators as get_micro_iterators
    from .data.iterators import get_outdoor_iterators as get_outdoor_iterators
    from .engine import load as load
    from .errors import BadInput as BadInput
    from .errors import Failed as Failed
    from .graph import Graph as Graph
    from .graph.trace import trace as trace
    from .nets import create_model as create_model
    from .nets import net_names as net_names
    from .nets import register_net as register_net
    from .quant import bake as bake
    from .quant import quantize as quantize

__version__ = "0.1.0"

_HOME = {
    "BadInput": "errors",
    "Failed": "errors",
    "Graph": "graph",
    "bake": "quant",
    "count_macs": "cost.macs",
    "create_model": "nets",
    "estimate_energy": "cost.energy",
    "get_combined_iterators": "data.iterators",
    "get_indoor_iterators": "data.iterators",
    "get_micro_iterators": "data.iterators",
    "get_outdoor_iterators": "data.iterators",
    "load": "engine",
    "measure_memory": "cost.memory",
    "net_names": "nets",
    "profile": "cost.profile",
    "quantize": "quant",
    "register_net": "nets",
    "trace": "graph.trace",
}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'microbotnet' has no attribute {name!r}")
    return getattr(import_module(f".{_HOME[name]}", __name__), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
