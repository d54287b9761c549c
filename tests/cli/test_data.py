"""`microbotnet data` as a user runs it."""

import json
import subprocess
import sys
from pathlib import Path


def data(*options: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "microbotnet", "data", *map(str, options)]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8")


def test_cifar10_says_where_it_is_and_what_it_checked(cifar10_folder: Path) -> None:
    run = data("cifar10", "--data", cifar10_folder, "--json")
    assert (run.returncode, run.stderr) == (0, "")
    result = json.loads(run.stdout)
    assert result["folder"] == str(cifar10_folder / "cifar-10-batches-bin")
    assert sum(row["pictures"] for row in result["files"] if row["split"] == "train") == 50_000
    listed = (cifar10_folder / "cifar-10-batches-bin" / "stand_ins.txt").read_text().splitlines()
    assert sum(row["stand_ins"] for row in result["files"]) == len(listed)
    assert f"in {cifar10_folder}" in data("cifar10", "--data", cifar10_folder).stdout


def test_damage_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "data_batch_1.bin").write_bytes(b"short")
    run = data("cifar10", "--data", tmp_path)
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr == (
        f"microbotnet: {tmp_path}/data_batch_1.bin: truncated: 5 bytes, not 30,730,000; "
        f"delete the .bin files in {tmp_path} and run again to fetch CIFAR-10 anew\n"
    )
