"""An integer program as C99: `emit`, `emit_vote`, `write_c`; its forms and the memory that it uses: `prepare`."""

from .emit import PREFER as PREFER
from .emit import emit as emit
from .emit import emit_prepared as emit_prepared
from .emit import emit_together as emit_together
from .emit import prepare as prepare
from .emit import weigh as weigh
from .library import c_names as c_names
from .library import write_c as write_c
from .vote import emit_vote as emit_vote

__all__ = ["PREFER", "c_names", "emit", "emit_prepared", "emit_together", "emit_vote", "prepare", "write_c"]
