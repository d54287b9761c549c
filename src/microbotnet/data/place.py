"""Where picture sets are kept."""

import os
from pathlib import Path

from ..errors import BadInput


def data_place(named: Path | None, holds: str, title: str) -> Path:
    """The folder named, else the environment's MICROBOTNET_DATA, else the user's cache.

    Args:
        named: what the user gave.
        holds, title: what is looked for in it, and what that is called, for the error's sake.

    Raises:
        BadInput: the folder named does not exist.
    """
    import platformdirs

    if given := named or os.environ.get("MICROBOTNET_DATA"):
        place = Path(given).expanduser()
        if not place.is_dir():
            raise BadInput(
                f"{place}: no such folder; name the one that holds {holds}, or make it to fetch {title} there"
            )
        return place
    return Path(platformdirs.user_cache_dir("microbotnet"))
