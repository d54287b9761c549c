#!/usr/bin/env bash
# Unicorn: an emulated Cortex-M runs instructions that the core named does not have.
#
# Guess: the model of a Cortex-M0 or M3 refuses what the silicon refuses.
# Seen:  with UC_MODE_MCLASS the model Cortex-M0 divides (sdiv) and multiplies pairs (smuad); without it, it refuses both.
#        The Cortex-M3 runs smuad, which belongs to the DSP extension that a real M3 lacks, either way.
# With:  unicorn==2.1.4 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check unicorn==2.1.4
cd "$room"
"$room/venv/bin/python" - <<'END'
from unicorn import UC_ARCH_ARM, UC_MODE_MCLASS, UC_MODE_THUMB, Uc, UcError, arm_const

CODE = {"sdiv": "91fbf2f0", "smuad": "21fb02f0"}  # r0, r1, r2


def run(mode, core, name):
    """What the instruction leaves in r0 from r1 = 84 and r2 = 2; None where it is invalid."""
    machine, code = Uc(UC_ARCH_ARM, mode), bytes.fromhex(CODE[name])
    machine.ctl_set_cpu_model(getattr(arm_const, f"UC_CPU_ARM_CORTEX_{core}"))
    machine.mem_map(0x1000, 0x1000)
    machine.mem_write(0x1000, code)
    machine.reg_write(arm_const.UC_ARM_REG_R1, 84)
    machine.reg_write(arm_const.UC_ARM_REG_R2, 2)
    try:
        machine.emu_start(0x1001, 0x1000 + len(code))
    except UcError:
        return None
    return machine.reg_read(arm_const.UC_ARM_REG_R0)


seen = {}
for mode, word in ((UC_MODE_THUMB, "THUMB"), (UC_MODE_THUMB | UC_MODE_MCLASS, "THUMB | MCLASS")):
    for core in ("M0", "M3"):
        for name in CODE:
            seen[word, core, name] = run(mode, core, name)
            print(f"{word:15} Cortex-{core} {name:6}{seen[word, core, name]}")
assert seen["THUMB", "M0", "sdiv"] is None and seen["THUMB", "M0", "smuad"] is None
assert seen["THUMB | MCLASS", "M0", "sdiv"] == 42 and seen["THUMB | MCLASS", "M0", "smuad"] == 168
assert seen["THUMB", "M3", "smuad"] == 168
END
