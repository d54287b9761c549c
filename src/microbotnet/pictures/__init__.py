"""From a user's picture files to arrays that a network takes, and to answers. NumPy and Pillow, no torch."""

from .classify import Answer, classify
from .read import picture_size, read_picture

__all__ = ["Answer", "classify", "picture_size", "read_picture"]
