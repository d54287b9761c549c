#!/usr/bin/env bash
# torch.load: the checksums of the archive are there, and nobody reads them.
#
# Guess: a .pth file is a zip archive with a CRC-32 a member, so a weight that changed on disk raises an error.
# Seen:  torch.load(weights_only=True) gives 1.5 where 1.0 was saved; zipfile names the damaged member.
# With:  numpy==2.4.6, torch==2.13.0 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check numpy==2.4.6 torch==2.13.0
cd "$room"
"$room/venv/bin/python" - <<'END'
import zipfile
from pathlib import Path

import torch

values = torch.arange(8.0)
torch.save({"weight": values}, "net.pth")
content = bytearray(Path("net.pth").read_bytes())
content[content.find(values.numpy().tobytes()) + 6] ^= 0x40  # one bit of the second number
Path("net.pth").write_bytes(content)
loaded = torch.load("net.pth", weights_only=True)["weight"]
with zipfile.ZipFile("net.pth") as archive:
    damaged = archive.testzip()
print(torch.__version__, loaded.tolist(), "zipfile.testzip():", damaged)
assert loaded.tolist() == [0.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]
assert damaged is not None and damaged.endswith("data/0")
END
