"""How well short trainings rank designs as a full one does.

python benchmarks/search_rank_correlation.py --designs 16 --budget "macs<=1e6" --epochs 60 --short search modern

Designs are drawn within the budget; each is trained as `microbotnet search` does (9 epochs of 10,000 CIFAR-10 pictures,
judged on 2,000) by every recipe of --short, and in full (--epochs of `modern` on 45,000, judged on 5,000 others); the
test pictures are not looked at. Prints all accuracies and, for each short training, Spearman's and Kendall's rank
correlation and how many of the best quarter the search would have kept. Stopped, the same command goes on. Takes hours.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch

from microbotnet.atomic import write_atomically
from microbotnet.data.source import open_source
from microbotnet.design import design_from
from microbotnet.search.budget import parse_budget
from microbotnet.search.costs import Costs
from microbotnet.search.evaluate import short_training
from microbotnet.search.space import SPACE, design_of
from microbotnet.search.study import READS
from microbotnet.training.recipe import load_recipe


def drawn(budget, count, seed):
    """Designs within the budget."""
    draw = np.random.default_rng(seed)
    found = []
    while len(found) < count:
        design = design_of({q: answers[draw.integers(len(answers))] for q, answers in SPACE.items()})
        costs = Costs(design)
        if not any(limit.over(READS[limit.name](costs)) for limit in budget.limits):
            found.append(design)
    return found


def ranks(values):
    """From 0, ties at their mean."""
    values = np.array(values)
    return np.array([((values < v).sum() + (values <= v).sum() - 1) / 2 for v in values])


def spearman(a, b):
    """The correlation of the ranks."""
    return float(np.corrcoef(ranks(a), ranks(b))[0, 1])


def kendall(a, b):
    """The share of pairs in the same order less that in the other."""
    pairs = [(i, j) for i in range(len(a)) for j in range(i)]
    return sum(np.sign(a[i] - a[j]) * np.sign(b[i] - b[j]) for i, j in pairs) / len(pairs)


def main():
    """Draw, train twice, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--designs", type=int, default=16)
    parser.add_argument("--budget", default="macs<=1e6")
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--short", nargs="+", default=["search"], metavar="RECIPE")
    parser.add_argument("--out", type=Path, default=Path("runs/rank"))
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    images, labels = open_source("cifar10").load("train")
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
    images, labels = images[order], labels[order]
    plans = {name: (12_000, load_recipe(name, {"epochs": 9, "holdout": 2000})) for name in options.short}
    plans["full"] = (50_000, load_recipe("modern", {"epochs": options.epochs, "holdout": 5000}))
    found = {name: [] for name in plans}
    for index, design in enumerate(drawn(parse_budget(options.budget), options.designs, options.seed)):
        for name, (count, recipe) in plans.items():
            kept = options.out / f"{index}-{name}"
            if not (kept / "result.json").exists():
                history = short_training(design, images[:count], labels[:count], 10, recipe, kept)
                result = {"design": design.to_json(), "holdout_top1": history[-1]["holdout_top1"]}
                write_atomically(kept / "result.json", json.dumps(result).encode())
            result = json.loads((kept / "result.json").read_text())
            assert design_from(result["design"]) == design, f"{kept} holds another design; give another --out"
            found[name].append(result["holdout_top1"])
        tops = "  ".join(f"{name} {values[-1]:5.2f} %" for name, values in found.items())
        print(f"design {index:2d}  {Costs(design).macs:>9,} MACs  {tops}", flush=True)
    full, quarter = found.pop("full"), max(1, options.designs // 4)
    for name, short in found.items():
        kept = set(np.argsort(short)[-quarter:]) & set(np.argsort(full)[-quarter:])
        print(
            f"{name}: Spearman {spearman(short, full):.2f}, Kendall {kendall(short, full):.2f}; of the best {quarter} "
            f"in full, {len(kept)} among its own best {quarter}"
        )


if __name__ == "__main__":
    main()
