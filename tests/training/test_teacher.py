from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import microbotnet
from microbotnet.data.resize import resized
from microbotnet.training.recipe import Recipe
from microbotnet.training.teacher import Ensemble, Renormalise, Teacher
from microbotnet.training.views import views


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


def test_kept_outputs_that_are_damaged_are_made_again(tmp_path: Path) -> None:
    pictures, teacher = torch.rand(7, 3, 2, 2), _teacher("a", [0, 1], tmp_path)
    right = teacher.outputs(lambda index: pictures[index], 7, 0)
    (file,) = tmp_path.rglob("*.safetensors")
    content = file.read_bytes()
    for damaged in (content[:-3], content[:-3] + b"\1\2\3", b""):
        file.write_bytes(damaged)
        assert torch.equal(teacher.outputs(lambda index: pictures[index], 7, 0), right)
        assert file.read_bytes() == content


class _Watched(nn.Module):
    """Keeps what it is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        self.shown.append(x)
        return x.mean((2, 3))


def _smooth(count: int, side: int) -> Tensor:
    """Pictures without detail that a smaller size would lose."""
    coarse = torch.rand(count, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    return (255 * F.interpolate(coarse, (side, side), mode="bilinear")).byte()


def test_a_teacher_that_looks_closer_sees_the_students_cuts_at_its_own_size(tmp_path: Path) -> None:
    originals, recipe = _smooth(6, 64), Recipe(zoom=0.3, jitter=0.2, flip=True, views=2)
    normal, device = ((0.5, 0.5, 0.5), (0.2, 0.2, 0.2)), torch.device("cpu")
    student = views(resized(originals, 32), originals, *normal, recipe, device)
    model = _Watched()
    teacher = Teacher(
        "a", model, [0], tmp_path, size=48, draw=views(resized(originals, 48), originals, *normal, recipe, device)
    )
    teacher.outputs(student(1, 0), 6, 1)
    (shown,) = teacher.model.shown
    assert shown.shape == (6, 3, 48, 48)
    small = F.interpolate(shown.float(), (32, 32), mode="bicubic", antialias=True)
    torch.testing.assert_close(small, student(1, 0)(torch.arange(6)), rtol=0, atol=0.15)
    other = student(0, 0)(torch.arange(6))
    assert (small - other).abs().mean() > 4 * (small - student(1, 0)(torch.arange(6))).abs().mean()


def test_a_teacher_without_views_of_its_own_is_shown_the_students_resized(tmp_path: Path) -> None:
    model, pictures = _Watched(), _smooth(5, 32).float()
    teacher = Teacher("a", model, [0, 2], tmp_path, size=24)
    teacher.outputs(lambda index: pictures[index], 5, 0)
    assert teacher(pictures[:2]).shape == (2, 2)
    assert [shown.shape for shown in teacher.model.shown] == [(5, 3, 24, 24), (2, 3, 24, 24)]


def test_a_mirroring_teacher_says_the_same_of_both_mirror_images(tmp_path: Path) -> None:
    pictures = torch.rand(6, 3, 2, 2)
    teacher = _teacher("a", [0, 1, 2], tmp_path)
    one, other = (
        Teacher("a", teacher.model, range(3), tmp_path / name, mirror=True).outputs(
            lambda index, shown=shown: shown[index], 6, 0
        )
        for name, shown in (("one", pictures), ("other", pictures.flip(-1)))
    )
    assert torch.equal(one, other)
    expected = (teacher(pictures) + teacher(pictures.flip(-1))) / 2
    torch.testing.assert_close(one.float(), expected, rtol=0, atol=1e-3)
    assert not torch.allclose(expected, teacher(pictures), atol=1e-2)


def test_a_teacher_answers_as_its_network_does_with_its_batch_norms_folded(tmp_path: Path) -> None:
    network = microbotnet.from_pretrained("grain-s")
    before = {name: value.clone() for name, value in network.state_dict().items()}
    teacher, pictures = Teacher("a", network, list(range(10)), tmp_path), torch.randn(5, 3, 32, 32)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in teacher.model.modules())
    with torch.no_grad():
        torch.testing.assert_close(teacher.model(pictures), network.eval()(pictures), rtol=0, atol=5e-5)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_a_teacher_with_rounded_activations_answers_as_its_network(tmp_path: Path) -> None:
    model = microbotnet.from_pretrained("grain-s-int8").eval()
    pictures = torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    teacher = Teacher("t", nn.Sequential(Renormalise((0,), (1,), (0,), (1,)), model), range(10), tmp_path)
    with torch.no_grad():
        wanted = model(pictures)
    torch.testing.assert_close(teacher(pictures), wanted, rtol=0, atol=1e-4)  # in bfloat16 they are 0.5 apart


def test_pictures_are_normalised_anew_for_a_teacher_that_learned_with_others() -> None:
    pictures = torch.rand(2, 3, 4, 4)
    ours, others = ((0.4, 0.5, 0.6), (0.2, 0.3, 0.1)), ((0.5, 0.1, 0.2), (0.5, 0.25, 1.0))

    def normalised(mean: tuple[float, ...], std: tuple[float, ...]) -> Tensor:
        return (pictures - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]

    torch.testing.assert_close(Renormalise(*ours, *others)(normalised(*ours)), normalised(*others))
