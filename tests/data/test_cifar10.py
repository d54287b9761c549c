"""The pictures read right, and damage is seen."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from microbotnet.data import cifar10
from microbotnet.data.cifar10 import find_cifar10, load_cifar10
from microbotnet.errors import BadInput


def test_train_split_has_the_published_channel_statistics(cifar10_folder: Path) -> None:
    pictures, labels = load_cifar10(cifar10_folder, "train")
    assert pictures.shape == (50_000, 3, 32, 32)
    assert str(pictures.dtype) == "torch.uint8"
    assert pictures.is_contiguous()
    assert str(labels.dtype) == "torch.int64"
    assert labels.bincount().tolist() == [5_000] * 10
    values = pictures[::5].double() / 255  # a fifth is plenty for three digits of the mean
    assert values.mean((0, 2, 3)).tolist() == pytest.approx([0.4914, 0.4822, 0.4465], abs=0.002)
    assert values.std((0, 2, 3)).tolist() == pytest.approx([0.2470, 0.2435, 0.2616], abs=0.002)


def test_a_record_is_a_label_and_three_planes(cifar10_folder: Path) -> None:
    pictures, labels = load_cifar10(cifar10_folder, "test")
    with (cifar10_folder / "cifar-10-batches-bin" / "test_batch.bin").open("rb") as file:
        file.seek(7 * 3073)
        record = file.read(3073)
    assert len(pictures) == 10_000
    assert labels[7] == record[0]
    row, column = 5, 9
    assert pictures[7, :, row, column].tolist() == [record[1 + c * 1024 + row * 32 + column] for c in range(3)]
    assert [cifar10.CLASSES[label] for label in labels[:4]] == ["cat", "ship", "ship", "airplane"]


def test_the_places_where_it_is_looked_for(cifar10_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = cifar10_folder / "cifar-10-batches-bin"
    assert find_cifar10(cifar10_folder) == home
    assert find_cifar10(home) == home
    monkeypatch.setenv("MICROBOTNET_DATA", str(cifar10_folder))
    assert find_cifar10() == home
    monkeypatch.delenv("MICROBOTNET_DATA")
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda name: str(cifar10_folder))
    assert find_cifar10() == home


@pytest.fixture
def copy(cifar10_folder: Path, tmp_path: Path) -> Path:
    """A copy of test_batch.bin to damage."""
    return Path(shutil.copy(cifar10_folder / "cifar-10-batches-bin" / "test_batch.bin", tmp_path))


def flip(file: Path, offset: int) -> None:
    with file.open("r+b") as stream:
        stream.seek(offset)
        byte = stream.read(1)[0]
        stream.seek(offset)
        stream.write(bytes([byte ^ 1]))


def test_one_changed_bit_of_a_pixel_or_a_label_is_seen(copy: Path) -> None:
    stand_in = cifar10.FILES["test"][0].stand_ins[0]
    for offset in (0, 5_000 * 3073 + 17, 30_729_999, stand_in * 3073, stand_in * 3073 + 99):
        flip(copy, offset)
        with pytest.raises(BadInput, match=r"test_batch\.bin: altered"):
            load_cifar10(copy.parent, "test")
        flip(copy, offset)
    assert len(load_cifar10(copy.parent, "test")[0]) == 10_000


def test_a_wrong_length_is_said_in_bytes(copy: Path) -> None:
    with copy.open("r+b") as file:
        file.truncate(30_729_999)
    with pytest.raises(BadInput, match="truncated: 30,729,999 bytes, not 30,730,000"):
        load_cifar10(copy.parent, "test")
    copy.open("ab").write(b"12")
    with pytest.raises(BadInput, match="altered: 30,730,001 bytes"):
        load_cifar10(copy.parent, "test")


def test_a_missing_file_is_named(copy: Path) -> None:
    with pytest.raises(BadInput, match=r"data_batch_1\.bin: missing"):
        load_cifar10(copy.parent, "train")


def test_an_official_file_is_told_from_a_copy_with_stand_ins(tmp_path: Path) -> None:
    records = np.arange(30_730_000, dtype=np.uint8).reshape(10_000, 3073)
    copied = records.copy()
    copied[[3, 5], 9] ^= 1
    file = cifar10.File("x.bin", cifar10._md5(records), cifar10._md5(copied), (3, 5))
    records.tofile(tmp_path / "x.bin")
    assert cifar10.read(tmp_path, file)[1] is True
    copied.tofile(tmp_path / "x.bin")
    assert cifar10.read(tmp_path, file)[1] is False
    records[6, 9] ^= 1
    records.tofile(tmp_path / "x.bin")
    with pytest.raises(BadInput, match="altered"):
        cifar10.read(tmp_path, file)
