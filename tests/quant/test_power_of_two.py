"""Scales that are powers of two: of every kernel and norm, and of the program that such a network becomes."""

import copy
from math import log2

import numpy as np
import pytest
import torch
from torch import nn

from microbotnet import BadInput
from microbotnet.data.augment import Batches
from microbotnet.design import Design, Head, Stage, Stem
from microbotnet.integer import interpreter
from microbotnet.integer.lower import lower
from microbotnet.integer.operators import Add, Convolve
from microbotnet.integer.program import Program
from microbotnet.nets.designed import Designed
from microbotnet.quant import quantize
from microbotnet.quant.activations import affine, quantize_activations
from microbotnet.quant.calibration import calibrate
from microbotnet.quant.parametrize import bake, latent_kernels
from microbotnet.quant.policy import Policy
from microbotnet.quant.power_of_two import nearest, power_of_two_scales, spaced

MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.25, 0.3)
TERNARY = Policy("t", kinds=("pointwise", "se"), others=8)


def network() -> Designed:
    torch.manual_seed(0)
    stages = (Stage(8, expansion=2, stride=2, squeeze_excite=True), Stage(8, expansion=2, activation="relu"))
    model = Designed(Design(stages, Stem(6), Head(average_first=True), 8), num_classes=5)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, -1.5, 1.5)
            nn.init.uniform_(module.running_var, 0.3, 3)
            nn.init.uniform_(module.running_mean, -0.3, 0.3)
    return model.eval()


def lowered(model: nn.Module, *, power_of_two: bool = True) -> tuple[Program, np.ndarray, torch.Tensor]:
    pictures = np.random.default_rng(0).integers(0, 256, (40, 3, 8, 8), dtype=np.uint8)
    batches = Batches(torch.from_numpy(pictures), MEAN, STD).take(torch.arange(40))
    quantize_activations(model, 8, (3, 8, 8), power_of_two=power_of_two)
    calibrate(model, [batches])
    with torch.no_grad():
        answers = model.eval()(batches)
    return lower(model, MEAN, STD, input_shape=(3, 8, 8)), pictures, answers


def all_shift(program: Program) -> bool:
    adds = [m for operator in program.operators if isinstance(operator, Add) for m in operator.multipliers]
    return all(how.shifts for operator in program.operators for how in operator.rounding) and all(
        m & (m - 1) == 0 for m in adds
    )


@pytest.mark.parametrize("ternary", [False, True])
def test_the_program_of_such_a_network_only_shifts_and_answers_like_it(ternary: bool) -> None:
    model = network()
    if ternary:
        quantize(model, TERNARY, "one-negative-one", (3, 8, 8))
        power_of_two_scales(model, (3, 8, 8))
        model = bake(model)
    program, pictures, answers = lowered(model)
    assert all_shift(program)
    scores = interpreter.run(program, pictures) * program.tensors[program.outputs[0]].scale
    near = np.abs(scores - answers.numpy()).max() / float(answers.abs().max())
    assert near < 0.1
    bits = {operator.bits for operator in program.operators if isinstance(operator, Convolve)}
    assert bits == {8} if not ternary else 2 in bits


def test_without_it_they_multiply() -> None:
    assert not all_shift(lowered(network(), power_of_two=False)[0])


def test_training_sees_the_scales_and_keeps_full_precision_behind_them() -> None:
    model = network()
    quantize(model, TERNARY, "one-negative-one", (3, 8, 8))
    power_of_two_scales(model, (3, 8, 8))
    norm = model.features[1].conv[1]
    twin = copy.deepcopy(model)
    with torch.no_grad():
        twin.features[1].conv[1].running_var.mul_(4)  # only the twin's
    for one in (norm, twin.features[1].conv[1]):
        by = one.weight / (one.running_var + one.eps).sqrt()
        assert by.abs().log2().detach().numpy() == pytest.approx(by.abs().log2().round().detach().numpy(), abs=1e-5)
    model.train()(torch.randn(4, 3, 8, 8)).sum().backward()
    gamma = norm.parametrizations.weight.original
    assert gamma.grad is not None
    assert gamma.grad.abs().sum() > 0
    assert torch.equal(latent_kernels(model)["features.1.conv.1.weight"], gamma)
    assert not any("parametrizations" in key for key in bake(model).state_dict())


def test_by_hand() -> None:
    assert nearest(torch.tensor([3.0, -0.7, 0.0, 1.4]), torch.tensor(1.0)).tolist() == [4, -0.5, 0, 1]
    weight = torch.tensor([[1.0, -127.0, 64.4]])
    assert spaced(weight, torch.tensor([1.0])).tolist() == [[1, -127, 64]]
    assert spaced(weight, torch.tensor([1.5]))[0].tolist() == pytest.approx([4 / 3, -95 * 4 / 3, 64])
    for high in (1.0, 2.0, 3.3):
        scale, zero_point = affine(-0.5, high, 8, power_of_two=True)
        assert log2(scale) == int(log2(scale)) == np.ceil(np.log2((high + 0.5) / 255))
        assert scale * (-128 - zero_point) <= -0.5 + scale


def test_other_quantizers_and_learned_ranges_are_refused() -> None:
    model = network()
    quantize(model, TERNARY, "ttq", (3, 8, 8))
    with pytest.raises(BadInput, match=r"layer features\.1\.conv\.0: power-of-two scales are for"):
        power_of_two_scales(model, (3, 8, 8))
    with pytest.raises(BadInput, match="cannot be learned by gradient"):
        quantize_activations(network(), 8, (3, 8, 8), learned=True, power_of_two=True)
