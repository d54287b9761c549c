"""Batch-norm statistics measured again, for kernels that were changed without training."""

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from ..data.augment import Batches, View


@torch.no_grad()
def remeasure_norms(model: nn.Module, batches: Batches, view: View, index: Tensor, batch: int = 500) -> None:
    """Set every batch norm's mean and variance to the averages over some pictures, in place; nothing else changes.

    The pictures should be seen as in training: the black border of a crop moves the statistics. Post-training
    compression depends on this (Sun et al. 2019, arXiv 1911.11398).

    Args:
        model: left in eval mode.
        batches, view, index: the pictures, how they are augmented, and which of them.
        batch: how many at a time.
    """
    model.eval()
    norms = [module for module in model.modules() if isinstance(module, _BatchNorm) and module.track_running_stats]
    kept = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain average
        norm.train()
    for part in index.split(batch):
        model(batches.take(part, view))
    for norm, momentum in zip(norms, kept, strict=True):
        norm.momentum = momentum
    model.eval()
