"""Other programs, run with a time limit."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from .atomic import cache_folder
from .errors import Failed

COMPILE_SECONDS = 600


def run_child(
    command: Sequence[str],
    *,
    seconds: float,
    cwd: str | Path | None = None,
    env: Mapping[str, str] | None = None,
    name: str | None = None,
) -> "subprocess.CompletedProcess[str]":
    """Run a program to its end, whatever its exit code; nothing is given to it on standard input.

    Args:
        command: the program and its arguments. seconds: that it may take. cwd: its folder.
        env: variables besides this process's own. name: for people; None is the program's.

    Raises:
        Failed: it cannot be started, or did not end in time; it and all that it started are then ended.
    """
    name = name or Path(command[0]).name
    try:
        child = subprocess.Popen(
            command, cwd=cwd, env=os.environ | dict(env or {}), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, errors="replace", start_new_session=sys.platform != "win32",
        )  # fmt: skip
    except OSError as error:
        raise Failed(f"{name} cannot be started ({error.strerror or error})") from None
    try:
        out, said = child.communicate(timeout=seconds)
    except BaseException as error:  # Ctrl-C ends it, too
        if sys.platform == "win32":
            child.kill()
        else:
            os.killpg(child.pid, signal.SIGKILL)  # a compiler's own children hold its pipes open
        child.wait()
        if isinstance(error, subprocess.TimeoutExpired):
            raise Failed(f"{name} did not end within {seconds:g} seconds") from None
        raise
    return subprocess.CompletedProcess(command, child.returncode, out, said)


def zig_caches(room: str | Path) -> dict[str, str]:
    """zig keeps its own compiled runtime: where the package's other caches are. What it compiles of ours it would keep
    and never find again, since the folder is another each time: that goes into `room`, and with it.
    """
    return {"ZIG_GLOBAL_CACHE_DIR": str(cache_folder("zig")), "ZIG_LOCAL_CACHE_DIR": str(Path(room) / "zig-cache")}
