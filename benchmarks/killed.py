"""kill -9 at random moments of training, search, building a set of pictures and export: the results are the same.

    python benchmarks/killed.py --count 20

Each command is run once undisturbed. Then, for every seed, in a folder of its own: it is started, ended by SIGKILL
after a random share of the time that it took, started again and ended again after a random share of what was left,
until a start comes to its end, the fourth at the latest. Every file that it promises must be the undisturbed one's,
byte for byte. A search takes most of its time to start Ray: it is ended at a random moment after it has written in its
journal. A run that was stopped goes on where it was.
"""

import argparse
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from tally import RESULTS, Tally

IN_A_ROW = 3  # kills of one run, at most
MICROBOTNET = (sys.executable, "-m", "microbotnet")
BUILD = """
import sys
from pathlib import Path
from microbotnet.atomic import write_atomically
from microbotnet.data.source import open_source
pictures, labels = open_source(sys.argv[1], size=32).load("train")
write_atomically(Path(sys.argv[2]), pictures.numpy().tobytes() + labels.numpy().tobytes())
"""


@dataclass(frozen=True)
class Work:
    """words: a command; {pictures} and {out} are folders. files: that it leaves in {out}; none is half written.

    begins: a file there; it is ended only after that was written to.
    """

    words: tuple[str, ...]
    files: tuple[str, ...]
    begins: str = ""


WORKS = {
    "training": Work(
        (*MICROBOTNET, "train", "modern", "--net", "grain-s", "--data", "{pictures}", "--epochs", "3", "--batch", "32",
         "--holdout", "32", "--out", "{out}"),
        ("model.safetensors", "model.json"),
    ),
    "search": Work(
        (*MICROBOTNET, "search", "--budget", "macs<=4e5, activations<=9k", "--data", "{pictures}", "--trials", "4",
         "--pictures", "200", "--resolution", "16", "--epochs", "3", "--batch", "16", "--holdout", "40",
         "--concurrent", "1", "--out", "{out}"),
        ("search.json", "front.svg", "designs/1.toml"),
        begins="journal.jsonl",
    ),
    "building a set of pictures": Work((sys.executable, "-c", BUILD, "{pictures}", "{out}/set"), ("set",)),
    "export as C": Work(
        (*MICROBOTNET, "export", "grain-xl-ternary", "--c", "{out}"),
        ("net.c", "net.h", "net_weights.h"),
    ),
    "export as ONNX": Work(
        (*MICROBOTNET, "export", "grain-xl-ternary", "--onnx", "{out}/net.onnx"), ("net.onnx",)
    ),
}  # fmt: skip


def draw_pictures(folder: Path) -> None:
    rng = np.random.default_rng(0)
    for name, least in (("dark", 0), ("light", 120)):
        (folder / name).mkdir(parents=True)
        for number in range(160):
            values = rng.integers(least, least + 120, (40, 40, 3)).astype(np.uint8)
            Image.fromarray(values).save(folder / name / f"{number}.png")


def started(work: Work, pictures: Path, out: Path) -> "subprocess.Popen[bytes]":
    """The command, once it has begun."""
    out.mkdir(parents=True, exist_ok=True)
    temporary = pictures.with_name("t")  # what is killed leaves much there
    temporary.mkdir(exist_ok=True)
    words = [word.format(pictures=pictures, out=out) if word != BUILD else word for word in work.words]
    more = {"XDG_CACHE_HOME": str(out / "cache"), "OMP_NUM_THREADS": "1", "TMPDIR": str(temporary)}
    start, file = time.time(), out / work.begins
    with said_by(pictures).open("wb") as said:
        child = subprocess.Popen(
            words, env=os.environ | more, stdout=subprocess.DEVNULL, stderr=said, start_new_session=True
        )
    while work.begins and child.poll() is None and not (file.is_file() and file.stat().st_mtime > start):
        time.sleep(0.02)
    return child


def said_by(pictures: Path) -> Path:
    """Where the last command's errors are."""
    return pictures.with_name("said")


def ended(child: "subprocess.Popen[bytes]", pictures: Path) -> str:
    """How, and the last that it said."""
    return f"it ends with {child.returncode}: {said_by(pictures).read_text('utf-8', 'replace').strip()[-500:]}"


def was_killed(child: "subprocess.Popen[bytes]", seconds: float) -> bool:
    """After so long; False if it had come to its end."""
    try:
        child.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    return child.returncode == -signal.SIGKILL


def left(work: Work, out: Path) -> dict[str, str]:
    """What is in its files; of a card, all but times, and names of the folder."""
    found = {}
    for name in work.files:
        content = (out / name).read_bytes() if (out / name).is_file() else b"missing"
        content = content.replace(str(out).encode(), b"OUT")
        if name.endswith(".json") and content != b"missing":
            content = json.dumps(untimed(json.loads(content)), sort_keys=True).encode()
        found[name] = hashlib.sha256(content).hexdigest()
    return found


def untimed(value: object) -> object:
    if isinstance(value, dict):
        return {key: untimed(item) for key, item in value.items() if "second" not in key and key not in ("date", "out")}
    return [untimed(item) for item in value] if isinstance(value, list) else value


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=20, help="kills of each command")
    parser.add_argument("--only", choices=list(WORKS), help="one of the commands")
    parser.add_argument("--out", type=Path, default=RESULTS / "killed.json")
    options = parser.parse_args()
    tally = Tally(options.out, "python benchmarks/killed.py --count 20")
    with tempfile.TemporaryDirectory() as folder:
        pictures = Path(folder) / "pictures"
        draw_pictures(pictures)
        expected, took = {}, {}
        works = {name: work for name, work in WORKS.items() if options.only in (None, name)}
        for name, work in works.items():
            out = Path(folder) / "undisturbed" / name.replace(" ", "-")
            child, start = started(work, pictures, out), time.monotonic()
            if child.wait():
                raise SystemExit(f"{name}: undisturbed, {ended(child, pictures)}")
            took[name], expected[name] = time.monotonic() - start, left(work, out)
            if hashlib.sha256(b"missing").hexdigest() in expected[name].values():
                raise SystemExit(f"{name}: a file is missing in {sorted(os.listdir(out))}")
        while left_over := [name for name in works if tally.counted(f"{name}, killed") < options.count]:
            for name in left_over:
                work, out = works[name], Path(folder) / str(tally.next) / name.replace(" ", "-")
                left_to_kill, seconds = options.count - tally.counted(f"{name}, killed"), took[name]
                for share in np.random.default_rng(tally.next).uniform(0, 1, min(IN_A_ROW, left_to_kill)):
                    child = started(work, pictures, out)
                    if not was_killed(child, share * seconds):
                        if child.returncode:
                            tally.fail(f"{name}, seed {tally.next}: {ended(child, pictures)}")
                        tally.count(f"{name}, already done")
                        break
                    tally.count(f"{name}, killed")
                    seconds *= 1 - share
                child = started(work, pictures, out)
                if child.wait():
                    tally.fail(f"{name}, seed {tally.next}: gone on with, {ended(child, pictures)}")
                elif left(work, out) != expected[name]:
                    tally.fail(f"{name}, seed {tally.next}: other results")
                shutil.rmtree(out)
                tally.keep(tally.next + 1)
    return tally.finish()


if __name__ == "__main__":
    sys.exit(main())
