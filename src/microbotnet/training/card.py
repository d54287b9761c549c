"""What a checkpoint's card says of how its network was quantized. Needs no torch."""

from collections.abc import Mapping
from typing import Any

POWER_OF_TWO = "power-of-two"  # the scales of its activations


def activation_bits(card: Mapping[str, Any]) -> int | None:
    """What the activations were rounded to in training; None if they were not."""
    quantization = card.get("quantization")
    activations = quantization.get("activations") if isinstance(quantization, dict) else None
    return None if activations is None else int(activations["bits"])


def stored_bits(card: Mapping[str, Any]) -> int:
    """Of an activation in memory, 4 or 8; signs are taken to have 8, as what is no sign beside them has."""
    return 4 if activation_bits(card) == 4 else 8


def has_power_of_two_scales(card: Mapping[str, Any]) -> bool:
    """Whether the scales of its activations are powers of two."""
    quantization = card.get("quantization")
    activations = quantization.get("activations") if isinstance(quantization, dict) else None
    return activations is not None and activations.get("scales") == POWER_OF_TWO


def has_quantized_kernels(card: Mapping[str, Any]) -> bool:
    """Whether a policy chose kernels that hold only quantized values."""
    quantization = card.get("quantization")
    return isinstance(quantization, dict) and quantization.get("policy", "none") != "none"
