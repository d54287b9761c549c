"""From another's file to C: time and peak memory, beside any other tool on a file of its own, in one run.

    python benchmarks/import_to_c.py net.tflite [--beside 'onnx2c net.onnx'] [--rounds 5] [--json]

Each round is a process of its own, from its start to its end; medians, and the largest peak of memory. Processor time
is what the bar is held against where a machine is shared. The bar is for a MobileNet ×0.25 of 96×96 pictures.
"""

import argparse
import json
import os
import shlex
import statistics
import sys
import tempfile
import time
from pathlib import Path

BAR_SECONDS, BAR_MB = 5.0, 500.0


def once(command: list[str]) -> tuple[float, float, float]:
    """Wall seconds, processor seconds and peak MB of one command, whose output is not shown."""
    start = time.perf_counter()
    process = os.posix_spawnp(
        command[0],
        command,
        os.environ,
        file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)],
    )
    _, status, used = os.wait4(process, 0)
    if status:
        sys.exit(f"{shlex.join(command)}: ended with {os.waitstatus_to_exitcode(status)}")
    return time.perf_counter() - start, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def measured(command: list[str], rounds: int) -> dict[str, float]:
    walls, processors, peaks = zip(*(once(command) for _ in range(rounds)), strict=True)
    return {
        "wall_s": round(statistics.median(walls), 2),
        "processor_s": round(statistics.median(processors), 2),
        "peak_mb": round(max(peaks), 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--beside", action="append", default=[], help="another tool's command")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ours = [sys.executable, "-m", "microbotnet", "export", str(options.file), "--c", f"{folder}/c"]
        found = {"microbotnet": measured(ours, options.rounds)}
    for command in options.beside:
        found[command] = measured(shlex.split(command), options.rounds)
    if options.json:
        print(json.dumps({"file": str(options.file), "bar": {"wall_s": BAR_SECONDS, "peak_mb": BAR_MB}, **found}))
        return
    for name, numbers in found.items():
        print(f"{name}: {numbers['wall_s']:.2f} s by the clock, {numbers['processor_s']:.2f} s of processor, "
              f"{numbers['peak_mb']:.0f} MB at most")  # fmt: skip
    print(f"bar: {BAR_SECONDS:g} s and {BAR_MB:g} MB")


if __name__ == "__main__":
    main()
