"""Batch-norm statistics taken anew, for kernels that changed otherwise than by the training that measured them."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

BATCHES = 100  # of training pictures: enough for every mean and variance, and a quarter of an epoch


@torch.no_grad()
def reestimate_norms(model: nn.Module, batches: Iterable[Tensor]) -> None:
    """Set every batch norm's mean and variance to their plain averages over `batches`, in place; nothing else changes.

    Running statistics lag behind weights that are quantized, pruned or averaged (Sun et al. 2019, arXiv 1911.11398).

    Args:
        model: left in eval mode.
        batches: normalised pictures (B, C, H, W), augmented as in training: the black border of a crop moves the
            statistics.
    """
    model.eval()
    norms = [module for module in model.modules() if isinstance(module, _BatchNorm) and module.track_running_stats]
    if not norms:
        return
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain average
        norm.train()
    for inputs in batches:
        model(inputs)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    model.eval()
