"""What is tried next and what came of it, kept in a file that a search goes on from."""

import json
import logging
import os
import random
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.trial import TrialState

from ..design import Design
from ..errors import BadInput
from ..plain import parse_json
from .budget import Budget, Limit
from .costs import Costs
from .space import SPACE, design_of

JOURNAL = "journal.jsonl"
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
_TRIES = 3000  # designs in a row outside the budget, after which there is none
_RANDOM = 16  # designs that are drawn before the sampler is asked
_SAMPLED = 8  # proposals of the sampler outside the budget, after which one is drawn again
_CHANGED = 0.1  # share of the answers that differ in a drawn variant of a design within the budget


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

    The sampler is Optuna's tree-structured Parzen estimator for two objectives (Ozaki et al. 2020, doi
    10.1145/3377930.3389817): the most accuracy, the least of what the budget names first. What it proposes outside the
    budget is passed over, and never trained.

    Args:
        folder: where its journal is; one that is there is gone on with.
        budget: that every design must hold. classes, resolution: of the networks. prefer: what firmware spares.
        seed: decides what is drawn.
    """

    def __init__(
        self, folder: Path, budget: Budget, *, classes: int, resolution: int = 32, prefer: str = "size", seed: int = 0
    ) -> None:
        self.budget, self.classes, self.resolution, self.prefer = budget, classes, resolution, prefer
        self._check_reachable()
        optuna.logging.set_verbosity(logging.WARNING)
        folder.mkdir(parents=True, exist_ok=True)
        self.journal = folder / JOURNAL
        self.proposed, self.told = _read(self.journal, [limit.name for limit in self._cheapest_first()])
        self.seed = seed
        self.study = optuna.create_study(directions=["maximize", "minimize"])
        self.open: dict[int, optuna.Trial] = {}
        self.interrupted = deque(number for number in self.proposed if number not in self.told)
        for number, said in sorted(self.told.items()):
            if said["top1"] is not None:
                answers, costs = self.proposed[number]
                values = [said["top1"], costs[self.limits[0].name]]
                self.study.add_trial(
                    optuna.trial.create_trial(params=answers, distributions=_DISTRIBUTIONS, values=values)
                )
        self.seen = {self._design(answers) for answers, _ in self.proposed.values()}

    def ask(self) -> Proposal:
        """The next design; first those whose training was interrupted.

        Raises:
            BadInput: no design within the budget was found in many; it names what came nearest.
        """
        if self.interrupted:
            number = self.interrupted.popleft()
            answers, costs = self.proposed[number]
            self.open[number] = self._asked(answers)
            return Proposal(number, self._design(answers), costs)
        nearest: list[tuple[Limit, float]] = []
        # By the number alone, so that a search that was stopped draws what it would have drawn.
        self.draw = random.Random(f"{self.seed} {len(self.proposed)}")
        self.study.sampler = optuna.samplers.TPESampler(n_startup_trials=0, seed=self.draw.randrange(2**31))
        for attempt in range(_TRIES):
            sampled = len(self.proposed) >= _RANDOM and attempt < _SAMPLED
            asked = self._asked(None if sampled else self._drawn())
            design = self._design(asked.params)
            costs, broken = self._held(design)
            if not broken and design not in self.seen:
                number = len(self.proposed)
                self._write({"number": number, "answers": asked.params, "costs": costs})
                self.proposed[number] = asked.params, costs
                self.open[number] = asked
                self.seen.add(design)
                return Proposal(number, design, costs)
            self.study.tell(asked, state=TrialState.FAIL)
            nearest = min((pairs for pairs in (nearest, broken) if pairs), key=_excess, default=[])
        if not nearest:
            raise BadInput(f"every design within {self.budget} that is found has been tried")
        raise BadInput(f"none of {_TRIES:,} designs is within {self.budget}; the nearest: {_over(nearest)}")

    def tell(self, proposal: Proposal, top1: float | None, epochs: int = 0, curve: Sequence[float] = ()) -> None:
        """What a design came to after `epochs`, and after each of them; None if its training failed."""
        said = {"number": proposal.number, "top1": top1, "epochs": epochs, "curve": [*curve]}
        self._write(said)
        self.told[proposal.number] = said
        asked = self.open.pop(proposal.number)
        if top1 is None:
            self.study.tell(asked, state=TrialState.FAIL)
        else:
            self.study.tell(asked, [top1, proposal.costs[self.limits[0].name]])

    @property
    def limits(self) -> tuple[Limit, ...]:
        """The budget's."""
        return self.budget.limits

    @property
    def curves(self) -> dict[int, list[float]]:
        """The top-1 after each epoch of every training that ended, by its number; empty of earlier versions'."""
        return {number: said["curve"] for number, said in self.told.items()}

    def trained(self) -> list[Trained]:
        """Every design that was trained, in the order it was proposed."""
        found = []
        for number, (answers, costs) in self.proposed.items():
            said = self.told.get(number)
            if said is not None and said["top1"] is not None:
                found.append(Trained(number, self._design(answers), costs, said["top1"], said["epochs"]))
        return found

    def _asked(self, answers: Mapping[str, Any] | None) -> optuna.Trial:
        """A trial of these answers, or of the sampler's."""
        if answers is not None:
            self.study.enqueue_trial(dict(answers))
        return self.study.ask(_DISTRIBUTIONS)

    def _drawn(self) -> dict[str, Any]:
        """Answers at random, every other time a variant of a design that is within the budget."""
        if not self.proposed or self.draw.random() < 0.5:
            return {question: self.draw.choice(answers) for question, answers in SPACE.items()}
        like, _ = self.proposed[self.draw.choice(list(self.proposed))]
        return {
            question: self.draw.choice(answers) if self.draw.random() < _CHANGED else like[question]
            for question, answers in SPACE.items()
        }

    def _write(self, line: dict[str, Any]) -> None:
        with self.journal.open("a") as file:
            file.write(json.dumps(line) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def _design(self, answers: Mapping[str, Any]) -> Design:
        return design_of(answers, resolution=self.resolution)

    def _held(self, design: Design) -> tuple[dict[str, float], list[tuple[Limit, float]]]:
        """The costs that the budget names, up to the first that is broken (quick ones first), and what is broken."""
        costs, found = Costs(design, self.classes, prefer=self.prefer), {}
        for limit in self._cheapest_first():
            found[limit.name] = float(READS[limit.name](costs))
            if limit.over(found[limit.name]):
                return found, [(limit, found[limit.name])]
        return found, []

    def _cheapest_first(self) -> list[Limit]:
        """The limits in the order in which they are looked at; the objective's first, so that it is always there."""
        ordered = sorted(self.limits, key=lambda limit: list(READS).index(limit.name))
        return sorted(ordered, key=lambda limit: limit is not self.limits[0])

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


_DISTRIBUTIONS: dict[str, BaseDistribution] = {
    question: CategoricalDistribution(answers) for question, answers in SPACE.items()
}
_Proposed = dict[int, tuple[dict[str, Any], dict[str, float]]]


def _read(journal: Path, costs: Sequence[str]) -> tuple[_Proposed, dict[int, dict[str, Any]]]:
    """What was proposed and what was told, by number; a last line that was cut short is as if it never was."""
    proposed: _Proposed = {}
    told: dict[int, dict[str, Any]] = {}
    text = journal.read_text("utf-8", "replace") if journal.exists() else ""
    if not text.endswith("\n") and text:
        journal.write_text(text[: text.rfind("\n") + 1], "utf-8")
    for place, line in enumerate(text[: text.rfind("\n") + 1].splitlines(), 1):
        try:
            said = parse_json(line, "the line")
            number = int(said["number"])
            if "answers" in said:
                if number != len(proposed):
                    raise ValueError(f"design {len(proposed)} is missing before it")
                answers = {question: said["answers"][question] for question in SPACE}
                if wrong := [question for question, answer in answers.items() if answer not in SPACE[question]]:
                    raise ValueError(f"{wrong[0]} has an answer that is not searched")
                proposed[number] = answers, {name: float(said["costs"][name]) for name in costs}
            elif number not in proposed:
                raise ValueError(f"design {number} was never proposed")
            else:
                top1 = None if said["top1"] is None else float(said["top1"])
                curve = [float(value) for value in said.get("curve", ())]
                told[number] = {"top1": top1, "epochs": int(said["epochs"]), "curve": curve}
        except (BadInput, ValueError, KeyError, TypeError, AttributeError) as error:
            raise BadInput(f"{journal}: line {place} is damaged: {error}") from None
    return proposed, told


def _excess(broken: Sequence[tuple[Limit, float]]) -> float:
    return sum(limit.over(value) / limit.most for limit, value in broken)


def _over(broken: Sequence[tuple[Limit, float]]) -> str:
    return "; ".join(
        f"{limit.name} {limit.say(value)}, over by {limit.say(limit.over(value))}" for limit, value in broken
    )
