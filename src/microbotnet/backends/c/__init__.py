"""An integer program as C99: `emit`, `emit_vote`, `write_c`; the memory that it uses: `arena`."""

from .emit import PREFER as PREFER
from .emit import arena as arena
from .emit import emit as emit
from .emit import emit_together as emit_together
from .emit import kinds as kinds
from .emit import weigh as weigh
from .library import c_names as c_names
from .library import write_c as write_c
from .vote import emit_vote as emit_vote

__all__ = ["PREFER", "arena", "c_names", "emit", "emit_together", "emit_vote", "write_c"]
