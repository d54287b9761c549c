"""An integer program as C99: `emit`; the memory that it uses: `arena`."""

from .emit import arena as arena
from .emit import emit as emit

__all__ = ["arena", "emit"]
