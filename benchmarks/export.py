"""Time to export a network, from the command's start to its end: the C, and the ONNX model.

    python benchmarks/export.py [--checkpoint microbotnet-1.00] [--rounds 5] [--json]

Each round is a process of its own. Processor time is what the bar is held against where a machine is shared; wall time
is printed beside it. Medians.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BAR = 5.0  # seconds, for microbotnet-1.00 as C
WAYS = {"C": ("--c", "c"), "ONNX": ("--onnx", "net.onnx")}


def once(checkpoint: str, option: str, target: Path) -> tuple[float, float]:
    """Wall and processor seconds of one export."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [sys.executable, "-m", "microbotnet", "export", checkpoint, option, str(target)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - start
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--checkpoint", default="microbotnet-1.00")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for way, (option, target) in WAYS.items():
            times = [once(options.checkpoint, option, Path(folder) / target) for _ in range(options.rounds)]
            wall, processor = (statistics.median(column) for column in zip(*times, strict=True))
            found[way] = {"wall_s": round(wall, 2), "processor_s": round(processor, 2)}
    if options.json:
        print(json.dumps({"checkpoint": options.checkpoint, "bar_s": BAR, **found}))
        return
    for way, times in found.items():
        words = f"{times['processor_s']:.2f} s of processor, {times['wall_s']:.2f} s by the clock"
        print(f"{options.checkpoint} as {way}: {words}")
    print(f"bar: {BAR:g} s for the C")


if __name__ == "__main__":
    main()
