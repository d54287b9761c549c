"""The examples, run as a reader runs them."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


def printed(name: str, folder: Path) -> str:
    """What an example prints; it leaves nothing behind and warns of nothing."""
    done = subprocess.run(
        [sys.executable, EXAMPLES / name], capture_output=True, text=True, check=False, cwd=folder, encoding="utf-8"
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert not list(folder.iterdir())
    return done.stdout


def number(pattern: str, text: str) -> float:
    found = re.search(pattern, text)
    assert found, text
    return float(found[1].replace(",", ""))


def test_there_is_a_test_for_every_example() -> None:
    here = Path(__file__).read_text()
    assert all(f'"{path.name}"' in here for path in EXAMPLES.glob("*.py"))


def test_a_network_becomes_firmware_with_the_interpreters_scores(tmp_path: Path) -> None:
    for module in ("elftools", "unicorn", "ziglang"):
        pytest.importorskip(module, reason=f"{module} of the extra mcu is not installed")
    said = printed("network_to_firmware.py", tmp_path)
    assert number(r"floats: (\d+)%", said) >= 95
    assert number(r"the floats' answer for (\d+)%", said) >= 95
    assert number(r"([\d,]+) bytes of code memory", said) < 32_768
    assert number(r"([\d,]+) instructions", said) > 50_000
    assert said.endswith("scores equal the interpreter's: True\n")


def test_rounding_alone_loses_what_training_with_rounded_weights_wins_back(tmp_path: Path) -> None:
    said = printed("ternary_training.py", tmp_path)
    floats, rounded, trained = (number(rf"{word}: ([\d.]+) %", said) for word in ("floats", "kernels", "trained so"))
    assert rounded < floats - 10
    assert trained > rounded + 10
    assert f"values of layer 3: [-1.0, 0.0, 1.0]; {trained} %" in said


def test_costs_of_networks_stand_side_by_side(tmp_path: Path) -> None:
    said = printed("cost_comparison.py", tmp_path)
    assert re.search(r"microbotnet ×0\.32 +782,368 ", said)
    # 3×3 convolutions of the stem and two blocks, the shortcut, the classifier
    convolutions = [27 * 16 * 256, 2 * 144 * 16 * 256, 144 * 32 * 64, 288 * 32 * 64, 16 * 32 * 64, 32 * 10]
    assert number(r"mine +([\d,]+)", said) == sum(convolutions)
    assert len(re.findall(r"^\d\.conv\d: 589,824 MACs", said, re.MULTILINE)) == 3
