"""Fifty pictures uploaded to the demo page at once: each gets its own right answer.

    python benchmarks/uploads.py --count 50    # needs the demo extra

The page is served on the loopback address by this process; as many clients as there are pictures connect, wait for one
another, then all upload and ask at once. What each is told must be what the page says of the same picture alone.
"""

import argparse
import re
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from gradio_client import Client, handle_file
from PIL import Image

from microbotnet.demo.page import serve
from tally import RESULTS, Tally


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=50, help="uploads")
    parser.add_argument("--checkpoint", default="grain-s-ternary")
    parser.add_argument("--out", type=Path, default=RESULTS / "uploads.json")
    options = parser.parse_args()
    options.out.unlink(missing_ok=True)
    tally = Tally(options.out, "python benchmarks/uploads.py --count 50")
    page, address = serve(checkpoint=options.checkpoint)
    rng, gate = np.random.default_rng(0), threading.Barrier(options.count)
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for number in range(options.count):
            files.append(Path(folder) / f"{number}.png")
            small = rng.integers(0, 256, (6, 6, 3), np.uint8)
            Image.fromarray(small).resize((240, 240)).save(files[-1])

        def asked(client: Client, file: Path) -> str:
            shown = client.predict(handle_file(file), options.checkpoint, api_name="/show")
            return re.sub(r"[\d.,]+ m?s\b", "", str(shown))  # how long this answer took

        def at_once(file: Path) -> tuple[str, float]:
            client = Client(address, verbose=False)
            gate.wait()
            start = time.monotonic()
            try:
                return asked(client, file), time.monotonic() - start
            except Exception as error:
                return f"{type(error).__name__}: {error}", time.monotonic() - start

        with ThreadPoolExecutor(options.count) as pool:
            together = list(pool.map(at_once, files))
        alone = Client(address, verbose=False)
        for file, (found, _) in zip(files, together, strict=True):
            tally.count("uploads")
            if found != asked(alone, file):
                tally.fail(f"{file.stem}: {found[:200]}")
    tally.note("seconds to the last answer", round(max(seconds for _, seconds in together), 1))
    page.close()
    tally.keep(options.count)
    return tally.finish()


if __name__ == "__main__":
    sys.exit(main())
