"""microbotnet: from an image classifier's idea to a micro-robot's chip.

The public names are flat and load on first use, so `import microbotnet` stays fast and does not import torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .backends.c import write_c as write_c
    from .backends.onnx import write_onnx as write_onnx
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
    from .hub.pretrained import from_pretrained as from_pretrained
    from .hub.pretrained import list_models as list_models
    from .hub.pretrained import pretrained_cfg as pretrained_cfg
    from .hub.pretrained import push_to_hub as push_to_hub
    from .hub.pretrained import save_pretrained as save_pretrained
    from .importers.exported import import_exported as import_exported
    from .importers.onnx import import_onnx as import_onnx
    from .importers.tflite import import_tflite as import_tflite
    from .integer.convert import to_program as to_program
    from .integer.file import load_program as load_program
    from .integer.file import save_program as save_program
    from .integer.lower import lower as lower
    from .mcu.board import load_board as load_board
    from .mcu.firmware import make_firmware as make_firmware
    from .mcu.formats import write_image as write_image
    from .nets import create_model as create_model
    from .nets import net_names as net_names
    from .nets import register_net as register_net
    from .quant import bake as bake
    from .quant import quantize as quantize
    from .quant.activations import quantize_activations as quantize_activations
    from .quant.bias_correction import correct_biases as correct_biases
    from .quant.calibration import calibrate as calibrate

__version__ = "0.1.0"

_HOME = {
    "BadInput": "errors",
    "Failed": "errors",
    "Graph": "graph",
    "bake": "quant",
    "calibrate": "quant.calibration",
    "correct_biases": "quant.bias_correction",
    "count_macs": "cost.macs",
    "create_model": "nets",
    "estimate_energy": "cost.energy",
    "from_pretrained": "hub.pretrained",
    "get_combined_iterators": "data.iterators",
    "get_indoor_iterators": "data.iterators",
    "get_micro_iterators": "data.iterators",
    "get_outdoor_iterators": "data.iterators",
    "import_exported": "importers.exported",
    "import_onnx": "importers.onnx",
    "import_tflite": "importers.tflite",
    "list_models": "hub.pretrained",
    "load": "engine",
    "load_board": "mcu.board",
    "load_program": "integer.file",
    "lower": "integer.lower",
    "make_firmware": "mcu.firmware",
    "measure_memory": "cost.memory",
    "net_names": "nets",
    "pretrained_cfg": "hub.pretrained",
    "profile": "cost.profile",
    "push_to_hub": "hub.pretrained",
    "quantize": "quant",
    "quantize_activations": "quant.activations",
    "register_net": "nets",
    "save_pretrained": "hub.pretrained",
    "save_program": "integer.file",
    "to_program": "integer.convert",
    "trace": "graph.trace",
    "write_c": "backends.c",
    "write_image": "mcu.formats",
    "write_onnx": "backends.onnx",
}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'microbotnet' has no attribute {name!r}")
    return getattr(import_module(f".{_HOME[name]}", __name__), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
