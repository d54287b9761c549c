"""Quantizers, and which kernels they are put on. A quantizer is a parametrization; networks know nothing of it."""

from .parametrize import bake as bake
from .parametrize import quantize as quantize
from .policy import load_policy as load_policy
from .policy import policy_names as policy_names
