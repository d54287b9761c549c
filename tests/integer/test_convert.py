"""A module of one's own to a program in one call."""

import warnings
from copy import deepcopy

import numpy as np
import pytest
import torch
from torch import nn

import microbotnet
from microbotnet.errors import BadInput
from microbotnet.integer.interpreter import run

MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.25, 0.3)


@pytest.fixture
def model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4)
    )


def pictures(count: int = 40) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 3, 8, 8), dtype=np.uint8)


def test_one_call_is_the_three_and_leaves_the_model_alone(model: nn.Module) -> None:
    before, training = deepcopy(model.state_dict()), model.training
    program = microbotnet.to_program(model, pictures(), mean=MEAN, std=STD, labels=list("abcd"))
    assert model.training == training
    assert model.state_dict().keys() == before.keys()
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert program.labels == tuple("abcd")

    copy = deepcopy(model).eval()
    microbotnet.quantize_activations(copy, 8, (3, 8, 8))
    x = torch.from_numpy(pictures()).float() / 255
    microbotnet.calibrate(copy, [(x - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]])
    other = microbotnet.lower(copy, MEAN, STD, input_shape=(3, 8, 8))
    assert (
        np.abs(run(program, pictures()).astype(int) - run(other, pictures())).max() <= 300
    )  # of 65,536: ranges' last bits
    with torch.no_grad():
        real = model.eval()((x - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]).numpy()
    assert np.abs(run(program, pictures()) * program.result.scale - real).max() < 0.05 * np.abs(real).max()


@pytest.mark.parametrize(("loud", "warns"), [(1.0, False), (3000.0, True)])
def test_a_network_that_rounding_ruins_is_said_to_be(loud: float, warns: bool) -> None:
    """One channel of large values leaves the others, on which the class depends, a few of 256 steps."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU(), nn.Flatten(), nn.Linear(216, 4))
    with torch.no_grad():
        model[0].weight[0] *= loud
        model[3].weight[:, :36] = 0
        model[3].weight *= 10
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        microbotnet.to_program(model, pictures(200), mean=MEAN, std=STD)
    said = [str(one.message) for one in caught if "another class" in str(one.message)]
    assert len(said) == warns
    assert all("rounded to 8 bits" in one and "of 200 inputs" in one for one in said)


def test_features_go_in_as_int8(model: nn.Module) -> None:
    values = np.random.default_rng(1).normal(size=(50, 3, 8, 8)).astype(np.float32)
    program = microbotnet.to_program(model, values)
    x = program.tensors[program.input]
    assert x.dtype == "int8"
    integers = np.clip(np.rint(values / x.scale) + x.zero_point, -128, 127).astype(np.int8)
    with torch.no_grad():
        real = model.eval()(torch.from_numpy(values)).numpy()
    assert np.abs(run(program, integers) * program.result.scale - real).max() < 0.08 * np.abs(real).max()


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        (np.zeros((4, 3, 8, 8)), "not (4, 3, 8, 8) float64"),
        (torch.zeros(4, 3, 8, 8), "not Tensor"),
        (np.zeros((0, 3, 8, 8), np.uint8), "hold nothing to set ranges with"),
        (np.zeros((4, 5, 8, 8), np.uint8), "cannot take what a 5×8×8 picture brings it"),
        (np.zeros((4, 3), np.uint8), "give features as float32"),
        (np.full((4, 3, 8, 8), np.nan, np.float32), "NaN or infinite"),
    ],
)
def test_inputs_that_cannot_be_are_refused(model: nn.Module, inputs: np.ndarray, says: str) -> None:
    with pytest.raises(BadInput) as error:
        microbotnet.to_program(model, inputs)
    assert says in str(error.value)


def test_weights_that_no_network_can_have_are_refused(model: nn.Module) -> None:
    for key, value, says in (("0.bias", float("nan"), "'0.bias' is NaN"), ("1.running_var", -1.0, "is a variance")):
        bad = deepcopy(model)
        bad.state_dict()[key][0] = value
        with pytest.raises(BadInput, match=says):
            microbotnet.to_program(bad, pictures())
    with pytest.raises(BadInput, match="mean and std need as many"):
        microbotnet.to_program(model, pictures(), mean=[0.5])
