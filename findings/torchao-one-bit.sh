#!/usr/bin/env bash
# torchao: `IntxWeightOnlyConfig` with 1-bit weights and the default mapping makes all of them 0.
#
# Guess: "weight_dtype: must be torch.intx, where 1 <= x <= 8". With int1 a weight becomes one of two numbers, as its sign is.
# Seen:  int1 has the values -1 and 0; the symmetric scale is the largest weight times 2, so that each weight is less than half
#        a step from 0 (the largest is a tie, and goes to 0 as well). The layer answers its bias, whatever the input is, and no
#        message says so. The same in Int8DynamicActivationIntxWeightConfig; there SYMMETRIC_NO_CLIPPING_ERR gives NaN. At 2
#        bits all is well.
# With:  numpy==2.4.6, torch==2.13.0, torchao==0.18.0 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check numpy==2.4.6 torch==2.13.0 torchao==0.18.0
cd "$room"
"$room/venv/bin/python" - 2>messages <<'END' || { cat messages; exit 1; }
import torch
from torchao.quantization import Int8DynamicActivationIntxWeightConfig, IntxWeightOnlyConfig, PerGroup, quantize_
from torchao.quantization.quant_primitives import MappingType

torch.set_num_threads(1)
generator = torch.Generator().manual_seed(0)
weight, x = torch.randn(4, 64, generator=generator), torch.randn(8, 64, generator=generator)
clipping = MappingType.SYMMETRIC_NO_CLIPPING_ERR
group = PerGroup(32)
configurations = {
    "weights, int1": IntxWeightOnlyConfig(torch.int1, granularity=group),
    "weights, int2": IntxWeightOnlyConfig(torch.int2, granularity=group),
    "and inputs, int1": Int8DynamicActivationIntxWeightConfig(torch.int1, weight_granularity=group),
    "and inputs, int2": Int8DynamicActivationIntxWeightConfig(torch.int2, weight_granularity=group),
    "no clipping, int1": Int8DynamicActivationIntxWeightConfig(torch.int1, weight_granularity=group, weight_mapping_type=clipping),
}
seen = {}
with torch.no_grad():
    for name, configuration in configurations.items():
        layer = torch.nn.Linear(64, 4)
        layer.weight.copy_(weight)
        layer.bias.copy_(torch.tensor([0.1, 0.2, 0.3, 0.4]))
        quantize_(layer, configuration)
        seen[name] = layer(x)
        values = sorted(set(layer.weight.qdata.flatten().tolist()))
        print(f"{name:18} integers {values}, two answers", *(f"{value:6.3f}" for value in seen[name][:2].flatten().tolist()))
    # by hand: the best two numbers for a group are plus and minus its mean magnitude
    groups = weight.reshape(4, 2, 32)
    binary = (groups.sign() * groups.abs().mean(-1, keepdim=True)).reshape(4, 64)
    left = float(((weight - binary) ** 2).sum() / (weight**2).sum())
print(f"the sign times the mean magnitude of each group leaves {left:.2f} of the squared weights as error; all zeros leave 1.00")
bias = torch.tensor([0.1, 0.2, 0.3, 0.4]).expand(8, 4)
for name in ("weights, int1", "and inputs, int1"):
    assert torch.equal(seen[name], bias)
for name in ("weights, int2", "and inputs, int2"):
    assert torch.corrcoef(torch.stack([seen[name].flatten(), (x @ weight.T).flatten()]))[0, 1] > 0.8
assert seen["no clipping, int1"].isnan().all()
assert left < 0.5
END
