"""How many test pictures of CIFAR-10 the simulated circuit gets bit for bit, every tensor of each.

python benchmarks/circuit_agreement.py grain-xl-ternary grain-m --count 1000
"""

import argparse
import time

import numpy as np

from microbotnet.chip.flow import design
from microbotnet.chip.geometry import Geometry
from microbotnet.chip.simulate import Simulator, in_order
from microbotnet.data.cifar10 import load_cifar10
from microbotnet.integer.interpreter import run_all
from microbotnet.sources import open_program

BATCH = 100  # pictures that the interpreter takes at once


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoints", nargs="+")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--lanes", type=int, default=128)
    options = parser.parse_args()
    pictures = load_cifar10(split="test")[0][: options.count].numpy()
    for name in options.checkpoints:
        started = time.perf_counter()
        image = design(open_program(name), Geometry(lanes=options.lanes))
        simulator = Simulator(image)
        ready = time.perf_counter() - started
        program = image.work.program
        tensors = exact = scores = 0
        seconds = 0.0
        for at in range(0, len(pictures), BATCH):
            batch = pictures[at : at + BATCH]
            wanted = run_all(program, batch)
            for number, picture in enumerate(batch):
                begun = time.process_time()
                found = simulator.run(picture)
                seconds += time.process_time() - begun
                one = {key: values[number : number + 1] for key, values in wanted.items()}
                equal = [np.array_equal(found.tensors[key], one[key][0]) for key in found.tensors]
                right = np.array_equal(found.scores, in_order(image.work, one))
                tensors += sum(equal)
                scores += right
                exact += all(equal) and right
        print(
            f"{name}: {exact} of {len(pictures)} pictures bit for bit; {scores} with the same scores, "
            f"{tensors} of {len(found.tensors) * len(pictures)} tensors; {found.counts[:, 0].sum()} cycles a picture, "
            f"{seconds / len(pictures):.3f} s of processor time to simulate one, {ready:.0f} s to compile",
            flush=True,
        )


if __name__ == "__main__":
    main()
