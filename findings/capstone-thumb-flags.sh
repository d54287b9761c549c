#!/usr/bin/env bash
# Capstone: of Thumb code, regs_access() tells of the flags only where they are all that an instruction writes.
#
# Guess: the registers that an instruction reads and writes, as regs_access() gives them, say which flags are still needed.
# Seen:  cmp, tst and cmn write cpsr, and adcs and sbcs read it; but adds, subs, movs, lsls, muls, ands and adcs write no cpsr, and beq,
#        bne and bcs read none. What each does is in `update_flags` and `cc` alone. `b` writes no pc, and beq does. pop {r4, pc} is in
#        neither of the groups "jump" and "ret", while bx lr is a jump.
# With:  capstone==5.0.9 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check capstone==5.0.9
cd "$room"
"$room/venv/bin/python" - <<'END'
from importlib.metadata import version

import capstone

print("capstone", version("capstone"))
engine = capstone.Cs(capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB + capstone.CS_MODE_MCLASS)
engine.detail = True
seen, groups, conditional, updates = {}, {}, {}, {}
# Each encoding is that of the Armv6-M manual, as a 16-bit number.
for code in (0x4288, 0x4208, 0x42C8, 0x1840, 0x1AC8, 0x2000, 0x0640, 0x4341, 0x4001, 0x4140, 0x4188, 0xD000, 0xD100, 0xD200, 0xE7FE, 0xBD10, 0x4770):
    (instruction,) = engine.disasm(code.to_bytes(2, "little"), 0x1000)
    read, written = ({instruction.reg_name(register) for register in registers} for registers in instruction.regs_access())
    name = instruction.mnemonic
    seen[name] = "r" * ("cpsr" in read) + "w" * ("cpsr" in written)
    groups[name] = {instruction.group_name(group) for group in instruction.groups}, "pc" in written
    updates[name], conditional[name] = instruction.update_flags, instruction.cc != capstone.arm.ARM_CC_AL
    print(f"{name + ' ' + instruction.op_str:18} cpsr: {seen[name] or 'no':3} update_flags: {updates[name]!s:6} writes pc: {groups[name][1]}")
for name in ("cmp", "tst", "cmn"):
    assert seen[name] == "w" and updates[name]
for name in ("adds", "subs", "movs", "lsls", "muls", "ands"):
    assert seen[name] == "" and updates[name]
for name in ("adcs", "sbcs"):
    assert seen[name] == "r" and updates[name]
for name in ("beq", "bne") + tuple(name for name in ("bhs", "bcs") if name in seen):
    assert seen[name] == "" and conditional[name]
assert groups["beq"][1] and not groups["b"][1]
print("groups of pop {r4, pc}:", sorted(groups["pop"][0]), " of bx lr:", sorted(groups["bx"][0]))
assert not groups["pop"][0] & {"jump", "ret"} and groups["pop"][1] and "jump" in groups["bx"][0]
END
