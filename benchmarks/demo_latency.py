"""How long the demo's page takes to answer: the first picture, and the median after it.

    python benchmarks/demo_latency.py    # needs the demo extra

The page is served on the loopback address by this process; a client uploads a picture, asks for the answer over HTTP as
the browser does, and waits until both parts of the page are there. Then the same without the server. The processor's
time, of client and server together, says what the wait would be on a machine with nothing else to do.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from gradio_client import Client, handle_file

import microbotnet
from microbotnet.demo.answer import answer
from microbotnet.demo.networks import open_network
from microbotnet.demo.page import serve

DEMO = Path(microbotnet.__file__).parent / "demo" / "pictures"
BAR = 0.2  # seconds


def seconds(work: Callable[[str], object], rounds: int) -> tuple[float, float, float, float]:
    """The first call; of the `rounds` after it the median, the slowest and the processor's median; pictures in turn."""
    files = sorted(map(str, DEMO.glob("*.png")))
    taken, busy = [], []
    for i in range(rounds + 1):
        start, at = time.perf_counter(), time.process_time()
        work(files[i % len(files)])
        taken.append(time.perf_counter() - start)
        busy.append(time.process_time() - at)
    return taken[0], statistics.median(taken[1:]), max(taken[1:]), statistics.median(busy[1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--checkpoint", default="microbotnet-0.32")
    options = parser.parse_args()
    torch.set_num_threads(1)
    page, address = serve(checkpoint=options.checkpoint)
    client = Client(address, verbose=False)
    rows = {
        "over HTTP, upload included": lambda file: client.predict(
            handle_file(file), options.checkpoint, api_name="/show"
        ),
        "answering alone": lambda file: answer(file, open_network(options.checkpoint)),
    }
    for name, work in rows.items():
        first, median, most, busy = seconds(work, options.rounds)
        print(
            f"{name:28} first {first:6.3f} s   median {median:6.3f} s ({median / BAR:.2f} of the bar)   "
            f"slowest {most:6.3f} s   processor {busy:6.3f} s ({busy / BAR:.2f} of the bar)"
        )
    page.close()


if __name__ == "__main__":
    main()
