"""Int8 networks of TensorFlow Lite."""

from .program import import_tflite

__all__ = ["import_tflite"]
