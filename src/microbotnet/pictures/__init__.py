"""From a user's picture files to arrays that a network takes, and to answers. NumPy and Pillow, no torch."""

from .classify import Answer, classify
from .read import read_picture

__all__ = ["Answer", "classify", "read_picture"]
