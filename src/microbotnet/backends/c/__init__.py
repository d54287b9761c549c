"""An integer program as C99: `emit`, `emit_vote`, `write_c`; the memory that it uses: `arena`."""

from .emit import PREFER as PREFER
from .emit import arena as arena
from .emit import emit as emit
from .emit import weigh as weigh
from .emit import write_c as write_c
from .vote import emit_vote as emit_vote

__all__ = ["PREFER", "arena", "emit", "emit_vote", "write_c"]
