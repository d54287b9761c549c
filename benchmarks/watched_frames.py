"""A million frames through `watch`: whether memory stays flat.

    python benchmarks/watched_frames.py --count 1000000
    python benchmarks/watched_frames.py --count 1000000 --json

JPEG files, one after the other, some of them damaged, are written to the standard input of `microbotnet watch -` in a
process of its own, whose memory is looked at ten times on the way. What it has at its end may be a twentieth, or 2 MB,
more than after the first tenth.
"""

import argparse
import io
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image

from tally import RESULTS, Tally

LOOKS = 10


def frames() -> list[bytes]:
    rng, made = np.random.default_rng(0), []
    for _ in range(20):
        stream = io.BytesIO()
        Image.fromarray(rng.integers(0, 256, (32, 32, 3), np.uint8)).save(stream, "JPEG", quality=60)
        made.append(stream.getvalue())
    return made


def resident(process: int) -> int:
    """Bytes."""
    text = Path(f"/proc/{process}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+)", text)
    return 1024 * int(found[1]) if found else 0


def drained(stream: IO[str], printed: list[str]) -> None:
    """Keep the last lines that are printed."""
    for line in stream:
        printed[:] = [*printed[-40:], line]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1_000_000, help="frames")
    parser.add_argument("--checkpoint", default="grain-s-ternary")
    parser.add_argument("--json", action="store_true", help="what is printed is one JSON object")
    parser.add_argument("--out", type=Path, help="the counts; by default in docs/results/reliability")
    options = parser.parse_args()
    more = ["--json"] * options.json
    out = options.out or RESULTS / f"watched-frames{'-in-json' if options.json else ''}.json"
    out.unlink(missing_ok=True)  # one stream, which cannot be gone on with
    tally = Tally(out, " ".join(["python benchmarks/watched_frames.py --count", str(options.count), *more]))
    made, sizes, printed = frames(), [], [""]
    words = [sys.executable, "-m", "microbotnet", "watch", "-", "--checkpoint", options.checkpoint, *more]
    pipe, start = subprocess.PIPE, time.monotonic()
    child = subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True)
    assert child.stdin is not None
    assert child.stdout is not None
    reader = threading.Thread(target=drained, args=(child.stdout, printed))
    reader.start()
    into, broken, each = child.stdin.buffer, 0, options.count // LOOKS
    for number in range(options.count):
        frame = made[number % len(made)]
        if number % 1000 == 999:
            frame, broken = frame[:200] + b"\xff\xd9", broken + 1
            tally.count("of these damaged")
        into.write(frame)
        if (number + 1) % each == 0:
            into.flush()
            tally.count("frames", each)
            sizes.append(resident(child.pid))
            tally.note("memory, MB", [round(size / 1e6, 1) for size in sizes])
            tally.keep(number + 1)
    into.close()
    code = child.wait()
    reader.join()
    tally.note("frames a second", round(options.count / (time.monotonic() - start)))
    read = f'"frames": {options.count - broken},' if options.json else f"{options.count - broken} frames"
    if code or read not in "".join(printed):
        tally.fail(f"ended with {code}: {printed[-1].strip()}")
    if sizes[-1] > sizes[0] + max(sizes[0] // 20, 2 << 20):
        tally.fail(f"memory grew from {sizes[0]:,} to {sizes[-1]:,} bytes")
    tally.keep(options.count)
    return tally.finish()


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(main())
