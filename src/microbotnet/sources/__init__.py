"""A network by the name that a user gives: one door for all commands.

What a name can be: a shipped checkpoint; a checkpoint's file, ours or another's state dict; a module of one's own,
`my_net.py:Net`; a `.pt2` of torch.export; an `.onnx`; an int8 `.tflite`; an integer `.program`.
"""

from .given import NOTHING, Given
from .network import float_network, is_checkpoint, is_outside, open_network, tell_assumed
from .program import open_program

__all__ = [
    "NOTHING",
    "Given",
    "float_network",
    "is_checkpoint",
    "is_outside",
    "open_network",
    "open_program",
    "tell_assumed",
]
