"""Chips that classify CIFAR-10, as their makers measured them: rows to stand beside modelled ones."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Silicon:
    """A measured chip: energy of one picture in pJ, CIFAR-10 top-1 in percent."""

    name: str
    energy_pj: float
    top1: float
    node_nm: float
    source: str
    measured: bool = True


SILICON = (
    Silicon(
        "binary CNN chip",
        3_800_000.0,
        86.0,
        28,
        "Bankman et al., An Always-On 3.8 µJ/86% CIFAR-10 Mixed-Signal Binary CNN Processor in 28 nm CMOS, JSSC 2019",
    ),
    Silicon("TCN-CUTIE", 2_720_000.0, 86.0, 22, "TCN-CUTIE, arXiv 2212.00688: all-digital ternary"),
)
