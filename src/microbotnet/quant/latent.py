"""Full-precision kernels kept in a range while they are trained."""

import torch
from torch import nn
from torch.nn.utils.parametrize import ParametrizationList


@torch.no_grad()
def clip_latent(model: nn.Module) -> None:
    """Clip every full-precision kernel whose quantizer has a `bound` to −bound…bound, in place, as after each step.

    BinaryConnect's and BinaryNet's rule (Courbariaux et al. 2015, arXiv 1511.00363, section 2.4): a weight beyond ±1
    changes nothing that its sign does not say, and where the gradient stops at ±1 it could never come back.
    """
    for module in model.modules():
        if isinstance(module, ParametrizationList) and (bound := getattr(module[0], "bound", None)):
            module.original.clamp_(-bound, bound)
