#!/usr/bin/env bash
# Keystone: a wide conditional branch of Thumb to an address lands elsewhere, and `add r0, pc, #8` subtracts.
#
# Guess: what an assembler accepts it encodes as it was written, or refuses.
# Seen:  at 0x1000, `beq #0x1020` goes to 0x1020, but `beq.w #0x1020` to 0x2024 and `beq #0x1200` to 0x2204: in the wide form the address
#        is taken as the distance. `b`, `b.w` and `bl` to the same addresses are right, and so is `beq` to a label. `add r0, pc, #8`
#        becomes a subtraction of 4092, `add r0, pc, #4` one of 0; `sub r0, pc, #8` is right.
# With:  keystone-engine==0.9.2, unicorn==2.1.4 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check keystone-engine==0.9.2 unicorn==2.1.4
cd "$room"
"$room/venv/bin/python" - <<'END'
from importlib.metadata import version

from keystone import KS_ARCH_ARM, KS_MODE_THUMB, Ks
from unicorn import UC_ARCH_ARM, UC_MODE_MCLASS, UC_MODE_THUMB, Uc, arm_const

print("keystone", version("keystone-engine"))
AT = 0x1000


def code_of(text):
    """The bytes of an instruction at AT."""
    codes, _ = Ks(KS_ARCH_ARM, KS_MODE_THUMB).asm(text, AT)
    return bytes(codes)


def run(text):
    """pc and r0 after one instruction with the flag Z set."""
    machine = Uc(UC_ARCH_ARM, UC_MODE_THUMB | UC_MODE_MCLASS)
    machine.ctl_set_cpu_model(arm_const.UC_CPU_ARM_CORTEX_M4)
    machine.mem_map(0, 0x10000)
    machine.mem_write(AT, code_of(text))
    machine.reg_write(arm_const.UC_ARM_REG_APSR, 1 << 30)
    machine.emu_start(AT | 1, 0, count=1)
    return [machine.reg_read(getattr(arm_const, f"UC_ARM_REG_{name}")) for name in ("PC", "R0")]


# Each goes to the address that is written; the label is 4 + 0x1fc bytes behind AT.
for text, right, seen in (
    ("b #0x1200", 0x1200, 0x1200),
    ("b.w #0x1020", 0x1020, 0x1020),
    ("bl #0x1200", 0x1200, 0x1200),
    ("beq #0x1020", 0x1020, 0x1020),
    ("beq.w #0x1020", 0x1020, 0x2024),
    ("beq #0x1200", 0x1200, 0x2204),
    ("beq there; .space 0x1fc; there: nop", 0x1200, 0x1200),
):
    to = run(text)[0]
    print(f"{text:36} goes to {to:#x}{'' if to == right else f', not {right:#x}'}")
    assert to == seen

pc = AT + 4
for text, right, seen in (("add r0, pc, #8", pc + 8, pc - 4092), ("add r0, pc, #4", pc + 4, pc), ("sub r0, pc, #8", pc - 8, pc - 8)):
    value = run(text)[1]
    print(f"{text:36} gives {value:#x}{'' if value == right else f', not {right:#x}'}")
    assert value == seen
END
