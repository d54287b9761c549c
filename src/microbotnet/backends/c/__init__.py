"""An integer program as C99: `emit`."""

from .emit import emit as emit

__all__ = ["emit"]
