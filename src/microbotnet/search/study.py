"""What is tried next and what came of it, kept in a file that a search goes on from."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from ..design import Design
from ..errors import BadInput
from .budget import Budget, Limit
from .costs import Costs
from .space import SPACE, design_of

JOURNAL = "study.journal"
# Reads of a cost by the name that budgets give it, the quickest first.
READS = {
    "macs": lambda costs: costs.macs,
    "parameters": lambda costs: costs.parameters,
    "weights": lambda costs: costs.weight_bytes,
    "activations": lambda costs: costs.peak_activation_bytes,
    "energy": lambda costs: costs.energy_pj,
    "flash": lambda costs: costs.firmware.flash_bytes,
    "ram": lambda costs: costs.firmware.ram_bytes,
    "instructions": lambda costs: costs.firmware.instructions,
}
_TRIES = 1000  # designs in a row outside the budget, after which there is none
_RANDOM = 16  # designs that are drawn before the sampler learns


@dataclass(frozen=True)
class Proposal:
    """A design to train. number: of it in the search."""

    number: int
    design: Design
    costs: dict[str, float]


@dataclass(frozen=True)
class Trained:
    """What a short training came to. top1: percent of the held-out pictures. epochs: that it was given."""

    number: int
    design: Design
    costs: dict[str, float]
    top1: float
    epochs: int


class Study:
    """Proposes designs within a budget, the better the more it was told.

    The sampler is Optuna's tree-structured Parzen estimator for several objectives (Watanabe 2023, arXiv 2304.11127;
    Ozaki et al. 2020, doi 10.1145/3377930.3389817) under the budget's constraints: the most accuracy, the least of what
    the budget names first. Designs outside the budget cost a few milliseconds and are never trained.

    Args:
        folder: where its journal is; one that is there is gone on with.
        budget: that every design must hold. classes, resolution: of the networks. prefer: what firmware spares.
        seed: decides what is drawn.
    """

    def __init__(
        self, folder: Path, budget: Budget, *, classes: int, resolution: int = 32, prefer: str = "speed", seed: int = 0
    ) -> None:
        self.budget, self.classes, self.resolution, self.prefer = budget, classes, resolution, prefer
        self._check_reachable()
        optuna.logging.set_verbosity(logging.WARNING)
        folder.mkdir(parents=True, exist_ok=True)
        storage = JournalStorage(JournalFileBackend(str(folder / JOURNAL)))
        self.study = optuna.create_study(
            storage=storage, study_name="search", directions=["maximize", "minimize"], load_if_exists=True
        )
        before = self.study.get_trials(deepcopy=False)
        # Another seed for the rest, else what was drawn first would be drawn again.
        self.study.sampler = optuna.samplers.TPESampler(n_startup_trials=_RANDOM, seed=seed + len(before))
        self.open: dict[int, optuna.Trial] = {}
        self.seen = set()
        for trial in before:
            if trial.state == TrialState.RUNNING:  # interrupted
                self.study.tell(trial.number, state=TrialState.FAIL)
                self.study.enqueue_trial(trial.params)
            else:
                self.seen.add(self._design(trial.params))

    def ask(self) -> Proposal:
        """The next design; first those whose training was interrupted.

        Raises:
            BadInput: no design within the budget was found in many; it names what came nearest.
        """
        nearest: tuple[float, list[tuple[Limit, float]]] | None = None
        for _ in range(_TRIES):
            asked = self.study.ask()
            answers = {question: asked.suggest_categorical(question, given) for question, given in SPACE.items()}
            design = self._design(answers)
            costs, broken = self._held(design)
            asked.set_user_attr("costs", costs)
            for limit in self.limits:
                asked.set_constraint(limit.name, limit.over(costs.get(limit.name, 0)) / limit.most)
            if not broken and design not in self.seen:
                self.seen.add(design)
                self.open[asked.number] = asked
                return Proposal(asked.number, design, costs)
            if broken:
                self.study.tell(asked, [0.0, costs[self.limits[0].name]])
                excess = sum(limit.over(value) / limit.most for limit, value in broken)
                nearest = min(nearest or (excess, broken), (excess, broken), key=lambda pair: pair[0])
            else:
                self.study.tell(asked, state=TrialState.FAIL)
        if nearest is None:
            raise BadInput(f"every design within {self.budget} that is found has been tried")
        raise BadInput(f"none of {_TRIES:,} designs is within {self.budget}; the nearest: {_over(nearest[1])}")

    def tell(self, proposal: Proposal, top1: float | None, epochs: int = 0) -> None:
        """What a design came to after `epochs`; None if its training failed."""
        asked = self.open.pop(proposal.number)
        if top1 is None:
            self.study.tell(asked, state=TrialState.FAIL)
            return
        asked.set_user_attr("epochs", epochs)
        self.study.tell(asked, [top1, proposal.costs[self.limits[0].name]])

    @property
    def limits(self) -> tuple[Limit, ...]:
        """The budget's."""
        return self.budget.limits

    def trained(self) -> list[Trained]:
        """Every design that was trained, in the order it was proposed."""
        return [
            Trained(t.number, self._design(t.params), t.user_attrs["costs"], t.values[0], t.user_attrs["epochs"])
            for t in self.study.get_trials(deepcopy=False)
            if t.state == TrialState.COMPLETE and "epochs" in t.user_attrs
        ]

    def _design(self, answers: Mapping[str, Any]) -> Design:
        return design_of(answers, resolution=self.resolution) if set(answers) == set(SPACE) else Design(())

    def _held(self, design: Design) -> tuple[dict[str, float], list[tuple[Limit, float]]]:
        """The costs that the budget names, up to the first that is broken (quick ones first), and what is broken."""
        costs, found = Costs(design, self.classes, prefer=self.prefer), {}
        ordered = sorted(self.limits, key=lambda limit: list(READS).index(limit.name))
        ordered.sort(key=lambda limit: limit is not self.limits[0])  # an objective, so that it is always there
        for limit in ordered:
            found[limit.name] = float(READS[limit.name](costs))
            if limit.over(found[limit.name]):
                return found, [(limit, found[limit.name])]
        return found, []

    def _check_reachable(self) -> None:
        """Raise BadInput for limits that even the smallest design of the space breaks."""
        smallest = {question: answers[0] for question, answers in SPACE.items()}
        least: dict[str, float] = {}
        for precision in SPACE["precision"]:
            costs = Costs(self._design(smallest | {"precision": precision}), self.classes, prefer=self.prefer)
            for limit in self.limits:
                value = float(READS[limit.name](costs))
                least[limit.name] = min(least.get(limit.name, value), value)
        broken = [(limit, least[limit.name]) for limit in self.limits if limit.over(least[limit.name])]
        if broken:
            raise BadInput(f"no design can be within {self.budget}; the smallest: {_over(broken)}")


def _over(broken: Sequence[tuple[Limit, float]]) -> str:
    return "; ".join(
        f"{limit.name} {limit.say(value)}, over by {limit.say(limit.over(value))}" for limit, value in broken
    )
