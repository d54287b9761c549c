"""Camera frames to a network's input: what a camera delivers, and what its C converter makes of it, in NumPy."""

from .camera import Camera as Camera
from .camera import camera_of as camera_of
from .camera import finest as finest
from .convert import convert as convert
from .frames import frames_of as frames_of
from .frames import seen as seen

__all__ = ["Camera", "camera_of", "convert", "finest", "frames_of", "seen"]
