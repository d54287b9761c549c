"""What a training step takes, against an earlier build of this package.

    git worktree add /tmp/earlier 6ecdc35
    python benchmarks/training_against.py /tmp/earlier/src [--net grain-m] [--rounds 9] [--policy P --activations 8]

Both builds run their own `train` by the recipe `modern`, batch 128, one thread, and follow a teacher whose outputs are
at hand. Each is a process of its own; they take turns, eight steps each, for every eighth looks at the ranges of
activations, so that what else the machine does at the time slows both. A round's figure is the mean of eight steps, in
processor time, since other work on the machine does not count in it; the ratio is the median of the rounds'. Pictures
and outputs are random: their content does not change the work.
"""

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BATCH, WARM_UP, EVERY = 128, 9, 8


class _EnoughError(Exception):
    pass


def run(net: str, policy: str | None, bits: int | None, rounds: int) -> None:
    """Train with the build that is imported, and write what each eight steps took; before each a line is read."""
    import torch

    from microbotnet import create_model
    from microbotnet.data.cifar10 import MEAN, STD
    from microbotnet.quant import quantize
    from microbotnet.quant.activations import quantize_activations
    from microbotnet.training.loop import TrainingSet, train
    from microbotnet.training.recipe import load_recipe

    class AtHand:
        name = "random"

        def outputs(self, take: object, count: int, number: int) -> torch.Tensor:
            return torch.randn(count, 10).half()

    torch.set_num_threads(1)
    begun = 0.0

    def on_step(done: int, total: int) -> None:
        nonlocal begun
        turn, step = divmod(done - WARM_UP, EVERY)
        if done >= WARM_UP and step == 0:
            print(turn and time.process_time() - begun, flush=True)
            if turn == rounds:
                raise _EnoughError
            sys.stdin.readline()
            begun = time.process_time()

    images = torch.randint(0, 256, (BATCH * (WARM_UP + EVERY * rounds + 5), 3, 32, 32), dtype=torch.uint8)
    pictures = TrainingSet("random", images, torch.randint(0, 10, (len(images),)), MEAN, STD)
    model = create_model(net)
    if policy:
        quantize(model, policy, "one-negative-one")
    if bits:
        quantize_activations(model, bits)
    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(_EnoughError):
        train(model, pictures, load_recipe("modern"), Path(folder), on_step=on_step, teacher=AtHand())  # type: ignore[arg-type]


def started(source: Path, arguments: list[str]) -> "subprocess.Popen[str]":
    """The build whose `src` that is, in a process of its own that waits for its turn."""
    command = [sys.executable, __file__, *arguments, "--measure"]
    where = os.environ | {"PYTHONPATH": str(source), "OMP_NUM_THREADS": "1"}
    build = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=where)
    answer(build)
    return build


def answer(build: "subprocess.Popen[str]") -> float:
    assert build.stdout
    line = build.stdout.readline()
    if not line:
        sys.exit("a build has ended; what it said is above")
    return float(line)


def turn(build: "subprocess.Popen[str]") -> float:
    """Seconds of processor a step."""
    assert build.stdin
    build.stdin.write("\n")
    build.stdin.flush()
    return answer(build) / EVERY


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("earlier", type=Path, help="its folder src")
    parser.add_argument("--net", default="grain-m")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--policy", help="of ternary kernels")
    parser.add_argument("--activations", type=int, help="their bits")
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        run(options.net, options.policy, options.activations, options.rounds)
        return
    now = Path(__file__).resolve().parents[1] / "src"
    builds = [started(source, sys.argv[1:]) for source in (options.earlier, now)]
    ratios = []
    for i in range(options.rounds):
        took = [turn(build) for build in builds]
        ratios.append(took[0] / took[1])
        print(f"round {i + 1}: earlier {1000 * took[0]:.1f} ms a step, now {1000 * took[1]:.1f}", flush=True)
    print(
        f"{options.net}: {statistics.median(ratios):.2f} times as fast (median of {len(ratios)}; {min(ratios):.2f} to "
        f"{max(ratios):.2f})"
    )


if __name__ == "__main__":
    main()
