"""Counts kept in a file, so that a long run can be stopped at any moment and gone on with."""

import json
import platform
import subprocess
from pathlib import Path
from typing import Any

from microbotnet.atomic import write_atomically

RESULTS = Path(__file__).resolve().parents[1] / "docs" / "results" / "reliability"


class Tally:
    """What was tried, by name, and what failed. `next` is the first seed that has not been tried.

    `commits` says of how many seeds each commit's answer is.
    """

    def __init__(self, path: Path, command: str) -> None:
        self.path = path
        self.kept: dict[str, Any] = {"command": command, "next": 0, "counts": {}, "failures": [], "commits": {}}
        if path.exists():
            self.kept |= json.loads(path.read_text("utf-8"))
        self.commit = _commit()
        self.kept["machine"] = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"

    @property
    def next(self) -> int:
        return int(self.kept["next"])

    @property
    def failures(self) -> list[str]:
        found: list[str] = self.kept["failures"]
        return found

    def counted(self, name: str) -> int:
        """How often so far."""
        return int(self.kept["counts"].get(name, 0))

    def count(self, name: str, many: int = 1) -> None:
        self.kept["counts"][name] = self.kept["counts"].get(name, 0) + many

    def fail(self, what: str) -> None:
        print(what, flush=True)
        self.failures.append(what)

    def note(self, name: str, value: Any) -> None:
        """A measured value that is no count."""
        self.kept.setdefault("measured", {})[name] = value

    def keep(self, next_seed: int) -> None:
        """Write the file: everything below `next_seed` has been tried."""
        commits = self.kept["commits"]
        commits[self.commit] = commits.get(self.commit, 0) + next_seed - self.next
        self.kept["next"] = next_seed
        write_atomically(self.path, (json.dumps(self.kept, indent=1, ensure_ascii=False) + "\n").encode())

    def finish(self) -> int:
        """Print the counts; the exit code."""
        for name, many in self.kept["counts"].items():
            print(f"{name}: {many:,}")
        for name, value in self.kept.get("measured", {}).items():
            print(f"{name}: {value}")
        print(f"failures: {len(self.failures)}")
        return 1 if self.failures else 0


def _commit() -> str:
    """The commit that is run; with a + where files were changed since."""
    words = ["git", "describe", "--always", "--exclude=*", "--dirty=+", "--abbrev=7"]
    done = subprocess.run(words, cwd=RESULTS.parent, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "not known"
