"""`microbotnet data` as a user runs it."""

import json
from pathlib import Path

import pytest

from .command import microbotnet


def test_cifar10_says_where_it_is_and_what_it_checked(cifar10_folder: Path) -> None:
    run = microbotnet("data", "cifar10", "--data", cifar10_folder, "--json")
    assert (run.returncode, run.stderr) == (0, "")
    result = json.loads(run.stdout)
    assert result["folder"] == str(cifar10_folder / "cifar-10-batches-bin")
    assert sum(row["pictures"] for row in result["files"] if row["split"] == "train") == 50_000
    listed = (cifar10_folder / "cifar-10-batches-bin" / "stand_ins.txt").read_text().splitlines()
    assert sum(row["stand_ins"] for row in result["files"]) == len(listed)
    assert f"in {cifar10_folder}" in microbotnet("data", "cifar10", "--data", cifar10_folder).stdout


def test_damage_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "data_batch_1.bin").write_bytes(b"short")
    run = microbotnet("data", "cifar10", "--data", tmp_path)
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr == (
        f"microbotnet: {tmp_path}/data_batch_1.bin: truncated: 5 bytes, not 30,730,000; "
        f"delete the .bin files in {tmp_path} and run again to fetch CIFAR-10 anew\n"
    )


def test_micro_robot_is_built_from_the_shared_zip(shared: Path, tmp_path: Path) -> None:
    source = shared / "data" / "tiny-imagenet-200-micro-robot.zip"
    if not source.is_file():
        pytest.skip("Tiny ImageNet's pictures in ../shared/data are not there")
    run = microbotnet("data", "micro-robot", "--from", source, "--out", tmp_path / "new", "--json")
    assert (run.returncode, run.stderr) == (0, "")
    result = json.loads(run.stdout)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["micro-robot.safetensors"]
    assert result["file"] == str(tmp_path / "new" / "micro-robot.safetensors")
    counts = {row["name"]: (len(row["classes"]), row["train"], row["test"]) for row in result["sets"]}
    ten, twenty = (10, 5_000, 500), (20, 10_000, 1_000)
    assert counts == {"outdoor": ten, "indoor": ten, "combined": twenty, "micro": ten}
    assert "those of outdoor and indoor" in microbotnet("data", "micro-robot", "--out", tmp_path / "new").stdout


def test_a_zip_cut_short_is_one_line(tmp_path: Path) -> None:
    (source := tmp_path / "tiny.zip").write_bytes(b"PK\3\4 and no more")
    run = microbotnet("data", "micro-robot", "--from", source, "--out", tmp_path / "new")
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr.startswith(f"microbotnet: {source}: cut short, or no zip archive")
    assert run.stderr.count("\n") == 1
    assert not (tmp_path / "new").exists()
