"""What `microbotnet classify` costs from start to finish, in time and peak memory, beside plain ways run in turn.

    python benchmarks/classify.py [--rounds 5] [--checkpoint NAME|FILE] [--json]

- one picture, beside `python -c "import torch"`, which nothing that uses torch can undercut;
- 1,000 pictures of 32×32 (PNG) and 1,000 of 1024×768 (JPEG), beside a plain loop: open, convert, resize, normalise
  and run the same network, picture by picture.

Each run is a process of its own. Medians; the peak is the process's largest resident memory.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

import microbotnet

DEMO = Path(microbotnet.__file__).parent / "demo" / "pictures"

PLAIN = """
import json, sys
from pathlib import Path
import numpy as np, torch
from PIL import Image
from microbotnet.training.checkpoint import load_checkpoint

checkpoint = load_checkpoint(*sys.argv[2:])
data, side = checkpoint.card["data"], checkpoint.card["architecture"]["input_size"]
mean, std = (torch.tensor(data[key]).view(3, 1, 1) for key in ("mean", "std"))
files = []
with torch.no_grad():
    for path in sorted(Path(sys.argv[1]).iterdir()):
        picture = Image.open(path).convert("RGB")
        edge = min(picture.size)
        left, top = (picture.width - edge) // 2, (picture.height - edge) // 2
        picture = picture.crop((left, top, left + edge, top + edge)).resize((side, side), Image.BICUBIC)
        pixels = torch.from_numpy(np.array(picture)).permute(2, 0, 1) / 255
        likeliest = checkpoint.model(((pixels - mean) / std)[None]).softmax(1)[0].topk(3)
        files.append({"file": str(path), "classes": likeliest.indices.tolist(), "p": likeliest.values.tolist()})
json.dump(files, sys.stdout)
"""


def measure(command: list[str]) -> tuple[float, float]:
    """Seconds and peak MiB of one run.

    The peak of a process is never under that of its parent when it starts: this one imports no torch.
    """
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if status:
        sys.exit(f"failed: {' '.join(command)}")
    return seconds, usage.ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def make_pictures(folder: Path, suffix: str, size: tuple[int, int]) -> Path:
    """1,000 pictures, twenty of them distinct: the demo pictures, scaled, with noise as a camera's."""
    folder.mkdir()
    noise = np.random.default_rng(0)
    originals = sorted(DEMO.glob("*.png"))
    for i in range(20):
        pixels = np.asarray(
            Image.open(originals[i % len(originals)]).resize(size, Image.Resampling.BICUBIC), np.float32
        )
        pixels = (pixels + noise.normal(0, 4, pixels.shape)).clip(0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{i:04}{suffix}")
        for copy in range(i + 20, 1000, 20):
            os.link(folder / f"{i:04}{suffix}", folder / f"{copy:04}{suffix}")
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--checkpoint")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()

    python = sys.executable
    classify = [python, "-m", "microbotnet", "classify", "--json"]
    if options.checkpoint:
        classify += ["--checkpoint", options.checkpoint]
    plain = [python, "-c", PLAIN]
    named = [options.checkpoint] if options.checkpoint else []
    with tempfile.TemporaryDirectory() as room:
        small = make_pictures(Path(room) / "small", ".png", (32, 32))
        large = make_pictures(Path(room) / "large", ".jpg", (1024, 768))
        cases = {
            "1 picture": ([*classify, str(DEMO / "ship.png")], "import torch", [python, "-c", "import torch"]),
            "1,000 pictures of 32×32": ([*classify, str(small)], "plain loop", [*plain, str(small), *named]),
            "1,000 pictures of 1024×768": ([*classify, str(large)], "plain loop", [*plain, str(large), *named]),
        }
        rows = []
        for name, (ours, peer, theirs) in cases.items():
            runs = [(measure(ours), measure(theirs)) for _ in range(options.rounds)]
            (seconds, peak), (peer_seconds, peer_peak) = (
                tuple(statistics.median(run[who][what] for run in runs) for what in (0, 1)) for who in (0, 1)
            )
            rows.append(
                {
                    "case": name, "peer": peer, "seconds": seconds, "peer_seconds": peer_seconds,
                    "time_ratio": seconds / peer_seconds, "peak_mib": peak, "peer_peak_mib": peer_peak,
                    "peak_ratio": peak / peer_peak,
                }
            )  # fmt: skip
            if not options.json:
                print(
                    f"{name:27} classify {seconds:6.2f} s {peak:5.0f} MiB   {peer:12} {peer_seconds:6.2f} s "
                    f"{peer_peak:5.0f} MiB   time ×{seconds / peer_seconds:.2f}  memory ×{peak / peer_peak:.2f}",
                    flush=True,
                )
    if options.json:
        print(json.dumps({"rounds": options.rounds, "cases": rows}, indent=2))


if __name__ == "__main__":
    main()
