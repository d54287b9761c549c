"""What stands between a wheel and its first answer, for several wheels in turn: `pip install`, then `classify`.

    python benchmarks/install.py OLD.whl NEW.whl [--rounds 5]

Each round and wheel has an environment and a cache of its own, with the wheel's dependencies there already; pip takes
the wheel from disk, so that a network's pace adds its bytes on top. Medians.
"""

import argparse
import itertools
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))
from release import environment, frog, run

STEPS = ("install", "first classify", "second classify")


def measure(wheel: Path) -> list[float]:
    """Seconds of each step."""
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home) / "env"
        (Path(home) / "frog.png").write_bytes(frog(wheel))
        programs, python = environment(folder, wheel), folder / "bin" / "python"
        run(sys.executable, "-m", "pip", "--python", python, "uninstall", "--quiet", "--yes", "microbotnet")
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "MICROBOTNET"))}
        alone = {"cwd": home, "env": {**kept, "XDG_CACHE_HOME": home, "HOME": home}}
        classify = (programs / "microbotnet", "classify", "frog.png")
        install = (sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-deps", "--no-index", wheel)
        times = [time.perf_counter()]
        for command, options in ((install, {}), (classify, alone), (classify, alone)):
            run(*command, **options)
            times.append(time.perf_counter())
        return [after - before for before, after in itertools.pairwise(times)]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("wheels", nargs="+", type=Path, metavar="WHEEL")
    options.add_argument("--rounds", type=int, default=5)
    given = options.parse_args()
    found: dict[Path, list[list[float]]] = {wheel: [] for wheel in given.wheels}
    for _ in range(given.rounds):
        for wheel in given.wheels:
            found[wheel].append(measure(wheel))
    for wheel, rounds in found.items():
        medians = [statistics.median(column) for column in zip(*rounds, strict=True)]
        words = ", ".join(f"{step} {seconds:.2f} s" for step, seconds in zip(STEPS, medians, strict=True))
        print(f"{wheel}: {wheel.stat().st_size:,} bytes; {words}")


if __name__ == "__main__":
    main()
