"""What is published: built, checked, installed and used, as `make release` does it."""

import importlib.util
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = ROOT / "tools" / "release.py"
PACKAGE = [Path("src/microbotnet/__init__.py"), Path("src/microbotnet/data.toml"), Path("README.md")]


@pytest.fixture(scope="module")
def release() -> ModuleType:
    spec = importlib.util.spec_from_file_location("release", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def wheel_of(folder: Path, *names: str) -> Path:
    path = folder / "microbotnet-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, "")
    return path


def test_what_is_published_installs_without_network_and_answers(tmp_path: Path) -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("this is no clone: git says which files are published")
    done = subprocess.run([sys.executable, SCRIPT, "--to", tmp_path], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    sizes = {path.name.split("-0")[0] + path.suffix: path.stat().st_size for path in tmp_path.iterdir()}
    assert sizes.keys() == {"microbotnet.gz", "microbotnet.whl", "microbotnet_weights.whl"}
    assert max(sizes["microbotnet.gz"], sizes["microbotnet.whl"]) <= 8_000_000
    assert len(re.findall(r"sha256 [0-9a-f]{64}\n", done.stdout)) == 3


def test_a_wheel_with_a_file_too_many_or_too_few_is_not_published(release: ModuleType, tmp_path: Path) -> None:
    whole = ("microbotnet/__init__.py", "microbotnet/data.toml", "microbotnet-1.dist-info/METADATA")
    release.check_files(wheel_of(tmp_path, *whole), PACKAGE)
    with pytest.raises(SystemExit, match=r"holds what git does not track: microbotnet/notes\.txt"):
        release.check_files(wheel_of(tmp_path, *whole, "microbotnet/notes.txt"), PACKAGE)
    with pytest.raises(SystemExit, match=r"lacks microbotnet/data\.toml; see package-data"):
        release.check_files(wheel_of(tmp_path, whole[0], whole[2]), PACKAGE)


def test_a_command_that_fails_ends_the_release_with_what_it_said(release: ModuleType) -> None:
    with pytest.raises(SystemExit, match=r"ended with 3\n.*no disk"):
        release.run(sys.executable, "-c", "import sys; print('no disk'); sys.exit(3)")
