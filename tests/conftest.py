"""What tests share: the reference folder beside the repository, its pictures unpacked, and trainings cut short."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import HealthCheck, settings

from microbotnet.data.micro_robot import FILE, build_micro_robot

settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")  # a busy one is no fault of a test

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


@pytest.fixture(scope="session")
def micro_robot_folder(shared: Path, cifar10_folder: Path) -> Path:
    """The folder that holds the Micro Robot Dataset, and CIFAR-10 too; built once and kept in pytest's cache."""
    source = shared / "data" / "tiny-imagenet-200-micro-robot.zip"
    if not source.is_file():
        pytest.skip("Tiny ImageNet's pictures in ../shared/data are not there")
    with FileLock(cifar10_folder / "building.lock"):
        if not (cifar10_folder / FILE).exists():
            build_micro_robot(source, cifar10_folder)
    return cifar10_folder


@pytest.fixture
def dies_after(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], AbstractContextManager[None]]:
    """A context in which a training dies as soon as the snapshot after so many epochs is written."""
    from microbotnet.training import loop

    @contextmanager
    def context(epochs: int) -> Iterator[None]:
        save = loop.save_snapshot

        def save_and_die(*args: object) -> None:
            save(*args)  # type: ignore[arg-type]
            if args[2].epochs == epochs:  # type: ignore[attr-defined]
                raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(loop, "save_snapshot", save_and_die)
            yield

    return context
