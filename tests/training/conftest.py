"""A folder of small pictures in CIFAR-10's layout, to train on in seconds."""

from pathlib import Path

import numpy as np
import pytest


@pytest.fixture(scope="session")
def striped_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """CIFAR-10's files with made-up pictures: a class is the period of a stripe pattern, plus noise."""
    folder = tmp_path_factory.mktemp("striped") / "cifar-10-batches-bin"
    folder.mkdir()
    random = np.random.default_rng(0)
    for name in [*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"]:
        labels = random.permutation(np.arange(10_000) % 10).astype(np.uint8)
        stripes = np.sin(2 * np.pi * np.arange(32)[None] * (1 + labels[:, None]) / 32)
        pictures = 128 + 60 * stripes[:, None, None, :] + random.normal(0, 40, (10_000, 3, 32, 32))
        records = np.concatenate([labels[:, None], pictures.clip(0, 255).astype(np.uint8).reshape(10_000, -1)], 1)
        records.tofile(folder / name)
    return folder.parent
