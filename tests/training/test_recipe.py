"""Recipes: the shipped ones, their schedules, and what is refused."""

from pathlib import Path

import pytest

from microbotnet import BadInput
from microbotnet.training.recipe import Recipe, load_recipe, recipe_names


def test_the_notes_recipe_is_the_notes_own() -> None:
    recipe = load_recipe("notes-2020")
    assert (recipe.epochs, recipe.batch, recipe.momentum, recipe.weight_decay) == (200, 128, 0.9, 5e-4)
    rates = [recipe.learning_rate * recipe.pace((epoch + 0.5) / 200) for epoch in (0, 49, 50, 99, 100, 149, 150, 199)]
    assert rates == pytest.approx([0.1, 0.1, 0.01, 0.01, 0.001, 0.001, 0.0001, 0.0001])
    assert recipe.restart_from_best
    assert recipe.holdout == 5000


@pytest.mark.parametrize("schedule", ["one-cycle", "cosine"])
def test_schedules_rise_to_the_peak_and_end_at_zero(schedule: str) -> None:
    recipe = Recipe(schedule=schedule, warmup=0.2)
    paces = [recipe.pace(i / 1000) for i in range(1001)]
    assert paces[0] == 0
    assert paces[200] == pytest.approx(1)
    assert paces[-1] == pytest.approx(0)
    assert paces[:201] == sorted(paces[:201])
    assert paces[200:] == sorted(paces[200:], reverse=True)


def test_changes_win_over_the_file() -> None:
    assert load_recipe("modern", {"epochs": 3, "batch": None}).epochs == 3


def test_every_shipped_recipe_loads() -> None:
    assert {"modern", "notes-2020"} <= set(recipe_names())
    for name in recipe_names():
        load_recipe(name)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epochs = 0", "epochs must be from 1"),
        ("epochs = 1.5", "epochs must be a int"),
        ("flip = 1", "flip must be a bool"),
        ("learning_rate = -1", "learning_rate must be from 0"),
        ("learning_rate = nan", "nan is no finite number"),
        ("epoch = 3", "unknown field 'epoch'"),
        ('schedule = "cosin"', "schedule must be one of"),
        ('optimizer = "adamw"', "optimizer must be one of sgd, adam, muon"),
        ('optimizer = "adam"\nnesterov = true', "nesterov needs sgd"),
        ("nesterov = true\nmomentum = 0", "nesterov needs sgd and a momentum"),
        ("restart_from_best = true", "needs a holdout"),
        ("jitter = 0.2", "jitter needs zoom"),
        ("zoom = 1.5", "zoom must be from 0 to 1"),
        ("epochs = 3\nsteps = 4", "steps = 4 needs at least 4 epochs, not 3"),
        ("epochs = ", "not TOML"),
    ],
)
def test_a_wrong_field_is_named(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(text)
    with pytest.raises(BadInput, match=message):
        load_recipe(str(file))


def test_an_unknown_recipe_lists_those_there_are() -> None:
    with pytest.raises(BadInput, match=r"modern.*notes-2020"):
        load_recipe("moderne")
