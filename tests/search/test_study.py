"""What a search tries: within the budget, never twice, and on from where it was."""

from pathlib import Path

import pytest

pytest.importorskip("optuna", reason="optuna of the extra search is not installed")

from microbotnet import BadInput
from microbotnet.data.source import open_source
from microbotnet.design import load_design
from microbotnet.search.budget import parse_budget
from microbotnet.search.front import front, write_results
from microbotnet.search.space import SPACE, design_of
from microbotnet.search.study import JOURNAL, READS, Costs, Study
from microbotnet.training.recipe import Recipe

BUDGET = parse_budget("macs<=3e6, energy<=4uJ, activations<=40k")


def test_proposals_are_within_the_budget_and_differ(tmp_path: Path) -> None:
    study = Study(tmp_path, BUDGET, classes=10)
    found = [study.ask() for _ in range(3)]
    assert len({one.design for one in found}) == 3
    for one in found:
        costs = Costs(one.design)
        for limit in BUDGET.limits:
            assert one.costs[limit.name] == READS[limit.name](costs) <= limit.most


def test_it_goes_on_where_it_was(tmp_path: Path) -> None:
    study = Study(tmp_path, BUDGET, classes=10, seed=3)
    told, interrupted, failed = (study.ask() for _ in range(3))
    study.tell(told, 61.5, epochs=4)
    study.tell(failed, None)
    again = Study(tmp_path, BUDGET, classes=10, seed=3)
    (one,) = again.trained()
    assert (one.number, one.design, one.top1, one.epochs) == (told.number, told.design, 61.5, 4)
    assert one.costs == told.costs
    first, second = again.ask(), again.ask()
    assert first.design == interrupted.design
    assert second.design not in {told.design, interrupted.design, failed.design}


def test_a_journal_cut_short_loses_its_last_line_alone(tmp_path: Path) -> None:
    study = Study(tmp_path, BUDGET, classes=10)
    one, two = study.ask(), study.ask()
    study.tell(one, 50.0, 1)
    journal = tmp_path / JOURNAL
    journal.write_bytes(journal.read_bytes()[:-9])
    again = Study(tmp_path, BUDGET, classes=10)
    assert [again.ask().design for _ in range(2)] == [one.design, two.design]
    right = journal.read_bytes()
    for before, behind in (
        (right, b"{}"), (b"\xff" + right[:9], b""), (right, b"1"), (right, b'{"number": 7, "top1": 1, "epochs": 1}'),
        (right.replace(b'"kernel_0": 3', b'"kernel_0": 4').replace(b'"kernel_0": 5', b'"kernel_0": 4'), b""),
        (right.replace(b'"macs"', b'"maca"'), b""), (right.replace(b'"number": 1', b'"number": 2'), b""),
        (right, b"[" * 5000),
    ):  # fmt: skip
        journal.write_bytes(before + behind + b"\n")
        with pytest.raises(BadInput, match=r"journal\.jsonl: line \d is damaged: .*\Z"):
            Study(tmp_path, BUDGET, classes=10)


def test_a_search_that_was_killed_tries_what_it_would_have_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("microbotnet.search.study._RANDOM", 4)
    monkeypatch.setattr("microbotnet.search.study._SAMPLED", 2)

    def told(study: Study) -> None:
        one = study.ask()
        top1 = 50.0 + one.number * 7 % 5
        study.tell(one, None if one.number == 3 else top1, 2, [top1 - 1, top1])

    budget = parse_budget("macs<=3e6")
    undisturbed = Study(tmp_path / "undisturbed", budget, classes=10, seed=1)
    for _ in range(7):  # the last ones are the sampler's
        told(undisturbed)
    journal = (tmp_path / "undisturbed" / JOURNAL).read_bytes()
    for kept in (0, 100, journal.index(b'"number": 3') + 40, journal.index(b'"number": 5') + 30, len(journal) - 1):
        folder = tmp_path / str(kept)
        folder.mkdir()
        (folder / JOURNAL).write_bytes(journal[:kept])
        again = Study(folder, budget, classes=10, seed=1)
        while len(again.told) < 7:
            told(again)
        assert again.trained() == undisturbed.trained()
        assert again.curves == undisturbed.curves


@pytest.mark.parametrize(
    ("budget", "message"),
    [
        ("macs<=10", r"no design can be within macs ≤ 10; the smallest: macs [\d,]+, over by [\d,]+"),
        ("flash<=1k, ram<=1k", r"the smallest: flash [\d,]+ bytes, over by [\d,]+ bytes; ram [\d,]+ bytes, over by"),
        ("energy<=1nJ", r"energy 0\.\d+ µJ, over by"),
    ],
)
def test_a_budget_nobody_can_meet_says_what_fails_and_by_how_much(tmp_path: Path, budget: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        Study(tmp_path, parse_budget(budget), classes=10)


def test_limits_that_no_drawn_design_holds_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("microbotnet.search.study._TRIES", 3)
    study = Study(tmp_path, parse_budget("macs<=75k, parameters<=2k"), classes=10)
    with pytest.raises(
        BadInput, match=r"none of 3 designs is within .*; the nearest: (macs|parameters) [\d,]+, over by"
    ):
        study.ask()


def test_every_answer_makes_a_design() -> None:
    for question, answers in SPACE.items():
        for answer in answers:
            design = design_of({q: a[-1] for q, a in SPACE.items()} | {question: answer})
            assert design.stages
            assert Costs(design).macs > 0


def test_the_front_is_written_ready_to_train(tmp_path: Path) -> None:
    study = Study(tmp_path, BUDGET, classes=10)
    for top1, epochs in ((50.0, 4), (60.0, 4), (70.0, 2)):
        study.tell(study.ask(), top1, epochs)
    found = study.trained()
    best = front(found, "macs")
    assert max(best, key=lambda one: one.top1).top1 == 60.0
    write_results(tmp_path, found, BUDGET, Recipe(epochs=4), open_source())
    for place, one in enumerate(best, 1):
        assert load_design(str(tmp_path / "designs" / f"{place}.toml")) == one.design
    assert (tmp_path / "front.svg").read_text().startswith("<svg")
