"""Build what is published and try it: the sdist, the wheel made from it, and the wheel of the larger weights.

    python tools/release.py [--to dist]

Only files that git tracks are built from, as they are now. Each archive must hold those files and no other, weigh at
most 8 MB (but for the larger weights) and have metadata that an index takes. The wheel is then installed in a fresh
environment, without network, beside nothing but what it says it needs, and used. Files are left in the folder only if
all of that went well.
"""

import argparse
import hashlib
import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from pathlib import Path

from packaging.metadata import Metadata
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
LARGER = Path("src/microbotnet_weights")
MOST_BYTES = 8_000_000
MISSING = "microbotnet-0.25"  # one of the larger weights, for trying


def run(*command: str | Path, **kwargs: object) -> subprocess.CompletedProcess[str]:
    """A command that must go well."""
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False, **kwargs)  # type: ignore[call-overload]
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}: ended with {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def tracked(root: Path = ROOT) -> list[Path]:
    """The files that git tracks, relative to the root."""
    return [Path(name) for name in run("git", "-C", root, "ls-files", "-z").stdout.split("\0") if name]


def build(files: list[Path], into: Path, root: Path = ROOT) -> tuple[Path, Path, Path]:
    """The sdist, the wheel that is made from it, and the larger weights' wheel, in `into`."""
    with tempfile.TemporaryDirectory() as clean:
        for file in files:
            (copy := clean / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / file, copy)
        shutil.copyfile(root / "LICENSE", clean / LARGER / "LICENSE")
        backend = (sys.executable, "-m", "build", "--no-isolation", "--outdir", into)
        run(*backend, clean)
        wheel = next(into.glob("*.whl"))
        run(*backend, "--wheel", clean / LARGER)
    return next(into.glob("*.tar.gz")), wheel, next(path for path in into.glob("*.whl") if path != wheel)


def metadata(wheel: Path) -> Metadata:
    """A wheel's, checked as an index checks it; ExceptionGroup says all that is wrong."""
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return Metadata.from_email(archive.read(name), validate=True)


def check_files(archive: Path, files: list[Path]) -> None:
    """A wheel holds a package's tracked files, all of them and no other; an sdist holds tracked files."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as opened:
            names = [name for name in opened.namelist() if ".dist-info/" not in name]
        package = names[0].split("/")[0]
        aside = {Path("src") / package / name for name in ("pyproject.toml", "README.md")}  # of the project, not of it
        wanted = {f.relative_to("src").as_posix() for f in files if f.parts[:2] == ("src", package) and f not in aside}
        missing = sorted(wanted - set(names))
    else:
        with tarfile.open(archive) as opened:
            names = [member.name.partition("/")[2] for member in opened.getmembers() if member.isfile()]
        made = {name for name in names if name in ("PKG-INFO", "setup.cfg") or ".egg-info/" in name}
        wanted = {file.as_posix() for file in files} | made
        missing = sorted(file for file in wanted if file.startswith("src/microbotnet/") and file not in names)
    if stray := sorted(set(names) - wanted):
        raise SystemExit(f"{archive.name}: holds what git does not track: {', '.join(stray)}")
    if missing:
        raise SystemExit(f"{archive.name}: lacks {', '.join(missing)}; see package-data in pyproject.toml")


def check(sdist: Path, wheel: Path, larger: Path, files: list[Path]) -> None:
    """All that can be seen without installing anything."""
    for archive in (sdist, wheel, larger):
        check_files(archive, files)
    for archive in (sdist, wheel):
        if (size := archive.stat().st_size) > MOST_BYTES:
            raise SystemExit(f"{archive.name}: {size:,} bytes, over {MOST_BYTES:,}; move weights to {LARGER}")
    found, weights = metadata(wheel), metadata(larger)
    for one in (found, weights):
        if one.description_content_type != "text/markdown" or not one.description:
            raise SystemExit(f"{one.name}: has no README")
    if f'{weights.name}=={weights.version}; extra == "weights"' not in map(str, found.requires_dist or []):
        raise SystemExit(f"the extra weights must be {weights.name}=={weights.version}")


def environment(folder: Path, wheel: Path) -> Path:
    """A fresh one with what the wheel needs, linked from this one, and nothing else; the folder of its programs."""
    venv.create(folder, with_pip=False)
    site = next(folder.glob("lib/python*/site-packages")) if os.name != "nt" else folder / "Lib" / "site-packages"
    wanted, seen = list(metadata(wheel).requires_dist or []), set[str]()
    while wanted:
        requirement = wanted.pop()
        if requirement.name in seen or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
            continue
        seen.add(requirement.name)
        needed = importlib.metadata.distribution(requirement.name)
        if not requirement.specifier.contains(needed.version, prereleases=True):
            raise SystemExit(f"{wheel.name}: needs {requirement}, and here is {needed.version}")
        wanted += map(Requirement, needed.requires or [])
        for top in {file.parts[0] for file in needed.files or [] if file.parts[0] not in ("..", "__pycache__")}:
            (site / top).symlink_to(Path(str(needed.locate_file(top))))
    install(folder, wheel)
    return folder / ("Scripts" if os.name == "nt" else "bin")


def frog(wheel: Path) -> bytes:
    """A picture that comes with the package."""
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(next(name for name in archive.namelist() if name.endswith("/frog.png")))


def install(folder: Path, wheel: Path) -> None:
    """Into an environment, without network."""
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    run(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index", wheel)


def try_out(wheel: Path, larger: Path) -> None:
    """Use what is installed as one would who has just installed it."""
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home) / "env"
        program = environment(folder, wheel) / "microbotnet"
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "MICROBOTNET"))}
        alone = {"cwd": home, "env": {**kept, "XDG_CACHE_HOME": home, "HOME": home}}
        (Path(home) / "frog.png").write_bytes(frog(wheel))
        version = str(metadata(wheel).version)
        if (said := run(program, "--version", **alone).stdout.strip()) != version:
            raise SystemExit(f"{wheel.name}: says it is {said}")
        answer = json.loads(run(program, "classify", "frog.png", "--json", **alone).stdout)
        if answer["files"][0]["predictions"][0]["label"] != "frog":
            raise SystemExit(f"{wheel.name}: takes a frog for {answer}")
        export = [program, "export", MISSING, "--c", "c"]
        without = subprocess.run([*map(str, export)], capture_output=True, text=True, check=False, **alone)  # type: ignore[call-overload]
        if without.returncode != 1 or "pip install 'microbotnet[weights]'" not in without.stderr:
            raise SystemExit(f"{wheel.name}: without the larger weights says {without.stderr}")
        install(folder, larger)
        run(*export, **alone)
        listed = json.loads(run(program, "weights", "--json", **alone).stdout)["weights"]
        if missing := [row["name"] for row in listed if not row["installed"]]:
            raise SystemExit(f"{larger.name}: lacks {', '.join(missing)}")


def main() -> None:
    """Build, check, try, and leave in the folder."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--to", type=Path, default=ROOT / "dist", metavar="FOLDER")
    to = options.parse_args().to
    files = tracked()
    with tempfile.TemporaryDirectory() as made:
        archives = build(files, Path(made))
        check(*archives, files)
        try_out(*archives[1:])
        to.mkdir(parents=True, exist_ok=True)
        for archive in archives:
            content = archive.read_bytes()
            print(f"{archive.name:<44} {len(content):>12,} bytes  sha256 {hashlib.sha256(content).hexdigest()}")
            shutil.copyfile(archive, to / archive.name)
    print(f"built, checked and tried; in {to}")


if __name__ == "__main__":
    main()
