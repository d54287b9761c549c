"""A training step's memory is not given back to the kernel and asked for again."""

import platform
import subprocess
import sys

import pytest

SCRIPT = """
import resource
import torch
from microbotnet.training.memory import keep_freed_memory

def faults():
    for _ in range(12):  # until small objects no longer settle in the holes
        torch.ones(1 << 24)  # 64 MiB, which malloc by itself always asks the kernel for
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(3):
        torch.ones(1 << 24)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

given_back = faults()
keep_freed_memory()
print(given_back, faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc's malloc is told")
def test_freed_memory_causes_no_page_faults() -> None:
    process = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, check=True)
    given_back, kept = map(int, process.stdout.split())
    assert 10 * kept < given_back
