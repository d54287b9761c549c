"""What a search is to do."""

from dataclasses import dataclass

from ..training.recipe import Recipe
from .budget import Budget


@dataclass(frozen=True)
class Plan:
    """A search.

    trials: designs to train in all. minutes: after which none is begun or gone on with; 0 is no limit. pictures: of the
    training set that are used; where there are fewer, a training goes over them more often. `recipe.holdout` of them,
    or a sixth where it is 0, are held out. concurrent: trainings at a time; 0 is one for each processor core, or GPU.
    prefer: what firmware spares.
    """

    budget: Budget
    recipe: Recipe
    trials: int = 64
    minutes: float = 0
    pictures: int = 10_000
    concurrent: int = 0
    prefer: str = "size"
    resolution: int = 32
    seed: int = 0
