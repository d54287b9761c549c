"""An integer program as C99: `emit`, `write_c`; the memory that it uses: `arena`."""

from .emit import PREFER as PREFER
from .emit import arena as arena
from .emit import emit as emit
from .emit import write_c as write_c

__all__ = ["PREFER", "arena", "emit", "write_c"]
