"""Muon against the singular value decomposition that its iteration stands for."""

from pathlib import Path

import pytest
import torch

from microbotnet import create_model
from microbotnet.training.loop import TrainingSet, make_optimizer, train
from microbotnet.training.muon import Muon, orthogonal
from microbotnet.training.recipe import Recipe, load_recipe


@pytest.mark.parametrize("shape", [(16, 16), (8, 72), (72, 8)])
def test_a_matrix_keeps_its_directions_and_loses_its_singular_values(shape: tuple[int, int]) -> None:
    torch.manual_seed(0)
    matrix = torch.randn(shape) * 100
    u, _, v = torch.linalg.svd(matrix, full_matrices=False)
    found = orthogonal(matrix)
    assert torch.linalg.svdvals(found).sub(1).abs().max() < 0.5  # the iteration is coarse by design
    assert torch.cosine_similarity(found.flatten(), (u @ v).flatten(), 0) > 0.97


def test_a_step_turns_a_kernel_by_the_learning_rate_and_keeps_its_norm() -> None:
    torch.manual_seed(0)
    kernel = torch.nn.Parameter(torch.randn(16, 4, 3, 3))
    kernel.grad = torch.randn_like(kernel)
    before = kernel.detach() * 4 / kernel.detach().norm()  # of 16 filters
    Muon([{"params": [kernel], "orthogonal": True}], lr=0.1, momentum=0.9).step()
    assert float((kernel.detach() - before).norm() / 4) == pytest.approx(0.1, rel=0.2)


def test_what_is_no_kernel_goes_by_nesterovs_momentum() -> None:
    torch.manual_seed(0)
    ours, theirs = (torch.nn.Parameter(torch.ones(5)) for _ in range(2))
    muon = Muon([{"params": [ours], "weight_decay": 0.01}], lr=0.1, momentum=0.9)
    sgd = torch.optim.SGD([theirs], lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01)
    for _ in range(4):
        ours.grad = torch.randn(5)
        theirs.grad = ours.grad.clone()
        muon.step()
        sgd.step()
    torch.testing.assert_close(ours, theirs)


def test_every_parameter_belongs_to_one_group() -> None:
    model = create_model("airbench", width=0.1)
    grouped = [p for group in make_optimizer(model, load_recipe("teacher")).param_groups for p in group["params"]]
    assert sorted(map(id, grouped)) == sorted(map(id, model.parameters()))


def test_a_stopped_training_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    recipe = Recipe(epochs=2, batch=32, optimizer="muon", learning_rate=0.05, average=0.9)
    images = torch.randint(0, 256, (128, 3, 32, 32), generator=torch.Generator().manual_seed(7)).to(torch.uint8)
    pictures = TrainingSet("made up", images, torch.arange(128) % 10, (0.5,) * 3, (0.25,) * 3)

    def run(folder: Path, stop_at: int) -> dict[str, torch.Tensor]:
        torch.manual_seed(3)
        model = create_model("airbench", width=0.1)

        def on_step(done: int, _: int) -> None:
            if done == stop_at:
                raise KeyboardInterrupt

        return train(model, pictures, recipe, folder, seed=3, on_step=on_step)[0].state_dict()

    whole = run(tmp_path / "whole", 0)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "stopped", 6)
    for key, value in run(tmp_path / "stopped", 0).items():
        assert torch.equal(value, whole[key]), key
