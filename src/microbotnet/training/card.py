"""What a checkpoint's card says of how its network was quantized. Needs no torch."""

from collections.abc import Mapping
from typing import Any

POWER_OF_TWO = "power-of-two"  # the scales of its activations


def _quantization(card: Mapping[str, Any]) -> Mapping[str, Any]:
    """Empty where the network was not quantized."""
    found = card.get("quantization")
    return found if isinstance(found, dict) else {}


def activation_bits(card: Mapping[str, Any]) -> int | None:
    """What the activations were rounded to in training; None if they were not."""
    activations = _quantization(card).get("activations")
    return None if activations is None else int(activations["bits"])


def stored_bits(card: Mapping[str, Any]) -> int:
    """Of an activation in memory, 4 or 8; signs are taken to have 8, as what is no sign beside them has."""
    return 4 if activation_bits(card) == 4 else 8


def has_power_of_two_scales(card: Mapping[str, Any]) -> bool:
    """Whether the scales of its activations are powers of two."""
    activations = _quantization(card).get("activations")
    return activations is not None and activations.get("scales") == POWER_OF_TWO


def has_quantized_kernels(card: Mapping[str, Any]) -> bool:
    """Whether a policy chose kernels that hold only quantized values."""
    return bool(_quantization(card).get("policy", "none") != "none")
