"""What a teacher has to say beyond the labels, and how good it is.

    python benchmarks/teacher_answers.py [--data FOLDER] [--views 4] CHECKPOINT …

On augmented CIFAR-10 training pictures, as a student sees them: how much of its answer is on the right class at some
temperatures, and over how many of the nine others the rest is spread (e to the entropy; 9: all alike, nothing to
learn from it). On the test pictures: top-1 as they are; the mean of a picture's and its mirror's logits; and that of
six views, shifted by a pixel and mirrored too, as airbench's own accuracy is taken (arXiv 2404.00498, section 3.5).
"""

import argparse
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from microbotnet.data.augment import Batches, draw_view
from microbotnet.data.cifar10 import MEAN, STD, load_cifar10
from microbotnet.training.checkpoint import load_checkpoint
from microbotnet.training.teacher import Teacher

BATCH, PICTURES = 500, 5000
TEMPERATURES = 1, 2, 4


def others(logits: Tensor, labels: Tensor, temperature: float) -> tuple[float, float]:
    """The share on the right class, and over how many of the others the rest is spread.

    Shapes: (N, classes) and (N,).
    """
    answer = (logits / temperature).softmax(1)
    right = answer.gather(1, labels[:, None])
    wrong = answer.scatter(1, labels[:, None], 0).clamp_min(1e-12)
    wrong = wrong / wrong.sum(1, keepdim=True)
    return float(right.mean()), float((-(wrong * wrong.log()).sum(1)).exp().mean())


def six_views(teacher: Teacher, pictures: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Logits as they are, with the mirror's, and with two shifts and their mirrors, which count half."""
    side = pictures.shape[-1]
    moved = F.pad(pictures, (1, 1, 1, 1), "reflect")
    shifted = moved[..., :side, :side], moved[..., 2:, 2:]
    plain = teacher(pictures)
    both = (plain + teacher(pictures.flip(3))) / 2
    rest = sum((teacher(x) + teacher(x.flip(3))) / 2 for x in shifted) / len(shifted)
    return plain, both, (both + rest) / 2


def main() -> None:
    """Print a teacher's answers in numbers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoints", nargs="+")
    parser.add_argument("--data", type=Path, help="CIFAR-10's folder")
    parser.add_argument("--views", type=int, default=4)
    options = parser.parse_args()
    images, labels = load_cifar10(options.data, "train")
    images, labels = images[:PICTURES], labels[:PICTURES]
    tests, truths = load_cifar10(options.data, "test")
    for name in options.checkpoints:
        teacher = Teacher(name, load_checkpoint(name).model, range(10), Path())
        seen = Batches(images, MEAN, STD, pad=4)
        places = torch.split(torch.arange(PICTURES), BATCH)
        logits = torch.cat(
            [
                teacher(seen.take(index, draw_view(PICTURES, 4, True, view, 0)))
                for view in range(options.views)
                for index in places
            ]
        )
        print(name)
        for temperature in TEMPERATURES:
            right, spread = others(logits, labels.repeat(options.views), temperature)
            print(
                f"  temperature {temperature}: {right:.1%} on the right class, the rest over {spread:.1f} of 9 others"
            )
        shown = Batches(tests, MEAN, STD)
        answers = [six_views(teacher, shown.take(index)) for index in torch.split(torch.arange(len(truths)), BATCH)]
        hits = [float((torch.cat(way).argmax(1) == truths).double().mean()) for way in zip(*answers, strict=True)]
        print("  test pictures: {:.2%}; with mirror {:.2%}; six views {:.2%}".format(*hits))


if __name__ == "__main__":
    main()
