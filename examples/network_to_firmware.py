"""A network that microbotnet has never seen, trained in plain PyTorch, as firmware for a microcontroller.

    python examples/network_to_firmware.py

The pictures are drawn here, so that nothing is downloaded: bars that lie, and bars that stand.
"""

# %% Pictures: a bright bar on noise, (N, 3, 16, 16) uint8.
import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import nn

import microbotnet

random = np.random.default_rng(0)
truth = random.integers(0, 2, 400)
pictures = random.integers(0, 90, (400, 3, 16, 16), dtype=np.uint8)
for picture, stands in zip(pictures, truth, strict=True):
    at = random.integers(2, 12)
    bar = picture[:, :, at : at + 2] if stands else picture[:, at : at + 2]
    bar += np.uint8(120)

# %% Training: a loop as everyone writes it, on 300 of them.
torch.manual_seed(0)
model = nn.Sequential(
    nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 16, 3, 2, 1), nn.BatchNorm2d(16), nn.ReLU(),
    nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 2),
)  # fmt: skip
x = (torch.from_numpy(pictures).float() / 255 - 0.5) / 0.25
y = torch.from_numpy(truth)
optimizer = torch.optim.AdamW(model.parameters(), 0.02)
for step in range(60):
    batch = torch.arange(300)[step % 3 :: 3]
    loss = nn.functional.cross_entropy(model(x[batch]), y[batch])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
model.eval()
with torch.no_grad():
    floats = model(x[300:]).argmax(1).numpy()
print(f"floats: {(floats == truth[300:]).mean():.0%} of 100 new pictures")

# %% To integers: training pictures set the ranges of the activations.
program = microbotnet.to_program(model, pictures[:300], mean=[0.5] * 3, std=[0.25] * 3, labels=["lies", "stands"])
network = microbotnet.load(program)
integers = network.scores(pictures[300:]).argmax(1)
print(f"integers: {(integers == truth[300:]).mean():.0%}, the floats' answer for {(integers == floats).mean():.0%}")

# %% Firmware for the micro:bit, and what it takes there.
board = microbotnet.load_board("microbit")
firmware = microbotnet.make_firmware(program, board)
print(f"{board.name}: {len(firmware.image.raw):,} bytes of code memory, {firmware.image.ram_bytes:,} bytes of RAM")
with tempfile.TemporaryDirectory() as folder:
    image = Path(folder) / "bars.hex"
    microbotnet.write_image(firmware.image, image)
    print(f"{image.name}: {len(image.read_bytes()):,} bytes, to be copied onto the board")

# %% On an emulated core: the interpreter's scores, bit for bit.
run = firmware.run(pictures[300:302])
print(f"{run.instructions[0]:,} instructions for a picture; scores equal the interpreter's: {run.bit_exact}")
