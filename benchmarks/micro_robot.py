"""Building the Micro Robot Dataset from the zip, against unzipping it and copying the classes, as the notes did.

    python benchmarks/micro_robot.py ZIP [--rounds 3] [--official]

The plain way is a shell script: `unzip`, then `cp` of every class into the folders of the four sets, its test
pictures by val_annotations.txt. Ours is `microbotnet data micro-robot --from ZIP`, started as a user starts it.
The two take turns and write to the same disk; the figure is the median of the rounds' ratios. --official first fills
a ZIP of the twenty classes up to the official archive's 200 classes, with copies of the pictures.
"""

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

from microbotnet.data.micro_robot import SETS, WNIDS

SCRIPT = """
set -e
unzip -q "$1"
top=tiny-imagenet-200
copy() {
  set=$1; shift
  for class in "$@"; do
    mkdir -p $set/train/$class $set/test/$class
    cp $top/train/$class/images/*.JPEG $set/train/$class/
    awk -v class=$class '$2 == class {print "'$top'/val/images/" $1}' $top/val/val_annotations.txt |
      xargs cp -t $set/test/$class/
  done
}
"""


def plain(source: Path, folder: Path) -> float:
    """Seconds of the shell script."""
    lines = [f"copy {name} {' '.join(WNIDS[word] for word in classes)}" for name, classes in SETS.items()]
    begun = time.perf_counter()
    subprocess.run(["bash", "-c", SCRIPT + "\n".join(lines), "bash", source], cwd=folder, check=True)
    return time.perf_counter() - begun


def ours(source: Path, folder: Path) -> float:
    """Seconds of the command."""
    command = [sys.executable, "-m", "microbotnet", "data", "micro-robot", "--from", source, "--out", folder, "--json"]
    begun = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


def official(source: Path, path: Path) -> Path:
    """An archive of 200 classes and 10,000 validation and test pictures each."""
    with zipfile.ZipFile(source) as small, zipfile.ZipFile(path, "w") as large:
        names = [name for name in small.namelist() if not name.endswith("/")]
        contents = {name: small.read(name) for name in names}
        for name in names:
            large.writestr(name, contents[name])
        train = [content for name, content in contents.items() if "/train/" in name and name.endswith(".JPEG")]
        for k in range(180):
            for i in range(500):
                name = f"tiny-imagenet-200/train/n9{k:07}/images/n9{k:07}_{i}.JPEG"
                large.writestr(name, train[(500 * k + i) % len(train)])
        for i in range(9_000):
            large.writestr(f"tiny-imagenet-200/val/images/val_{10_000 + i}.JPEG", train[i])
        for i in range(10_000):
            large.writestr(f"tiny-imagenet-200/test/images/test_{i}.JPEG", train[i])
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("zip", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--official", action="store_true")
    options = parser.parse_args()
    ratios = []
    with tempfile.TemporaryDirectory() as folder:
        source = official(options.zip, Path(folder) / "large.zip") if options.official else options.zip.resolve()
        for i in range(options.rounds):
            times = []
            for way in (plain, ours):
                (place := Path(folder) / way.__name__).mkdir()
                times.append(way(source, place))
                files = [path for path in place.rglob("*") if path.is_file()]
                size = sum(path.stat().st_size for path in files) / 1e6
                print(
                    f"round {i + 1}: {way.__name__:5} {times[-1]:6.1f} s, {len(files):,} files, {size:.0f} MB",
                    flush=True,
                )
                shutil.rmtree(place)
            ratios.append(times[0] / times[1])
    print(
        f"ours is {statistics.median(ratios):.1f}× as fast (median of {options.rounds}; {min(ratios):.1f} to "
        f"{max(ratios):.1f})"
    )


if __name__ == "__main__":
    main()
