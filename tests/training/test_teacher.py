from pathlib import Path

import torch
from torch import nn

from microbotnet.training.teacher import Ensemble, Teacher


def _teacher(name: str, columns: list[int], folder: Path) -> Teacher:
    torch.manual_seed(len(name))
    return Teacher(name, nn.Sequential(nn.Flatten(), nn.Linear(12, 3)), columns, folder / name)


def test_an_ensemble_is_the_mean_of_its_members_whose_outputs_are_kept_apart(tmp_path: Path) -> None:
    pictures = torch.rand(7, 3, 2, 2)
    members = [_teacher("a", [0, 1], tmp_path), _teacher("bb", [2, 0], tmp_path)]
    both = Ensemble(members)
    a, b = (member.model(pictures)[:, columns] for member, columns in zip(members, ([0, 1], [2, 0]), strict=True))
    torch.testing.assert_close(both(pictures), (a + b) / 2, rtol=0, atol=1e-2)  # bfloat16 has 8 bits
    torch.testing.assert_close(both.outputs(lambda index: pictures[index], 7, 0), (a + b) / 2, rtol=0, atol=1e-2)
    assert both.name == "a+bb"
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.safetensors")) == [
        "a/view-0.safetensors",
        "bb/view-0.safetensors",
    ]
    members[0].model[1].weight.data.zero_()  # what is kept is what is used
    torch.testing.assert_close(both.outputs(lambda index: pictures[index], 7, 0), (a + b) / 2, rtol=0, atol=1e-2)
