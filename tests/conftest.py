"""What tests share: the reference folder beside the repository, and CIFAR-10 unpacked from it."""

import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder ../shared: reference pictures and published checkpoints."""
    if not SHARED.is_dir():
        pytest.skip("the folder ../shared (reference pictures and published checkpoints) is not there")
    return SHARED


@pytest.fixture(scope="session")
def cifar10_folder(shared: Path, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that holds cifar-10-batches-bin; unpacked once and kept in pytest's cache."""
    unpack = shared / "data" / "unpack.py"
    if not unpack.is_file():
        pytest.skip("the pictures in ../shared/data are not there")
    cache = getattr(request.config, "cache", None)
    folder = Path(cache.mkdir("pictures")) if cache else tmp_path_factory.getbasetemp().parent
    with FileLock(folder / "unpacking.lock"):  # parallel workers wait for the first
        subprocess.run([sys.executable, unpack, folder, "cifar10"], check=True)
    return folder
