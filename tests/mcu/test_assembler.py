"""Random instructions that zig assembles: the decoders tell their lengths and kinds, and the cores that have them."""

import io
import random
import re
import sys
from functools import cache
from pathlib import Path
from string import Template
from typing import Any

import pytest

from microbotnet.child import COMPILE_SECONDS, run_child, zig_caches
from microbotnet.mcu import riscv, thumb
from microbotnet.mcu.cores import CORES
from microbotnet.mcu.instruction import Instruction, Kind

for module in ("elftools", "ziglang"):
    pytest.importorskip(module, reason=f"{module} of the extra mcu is not installed")

# $l $m $n are registers of the lower eight, $a $b $c $d of all, $few and $many lists of them; $u3 … $u12 numbers of as
# many bits, $w of whole words; $later the label of a later line. Of RISC-V $s and $t are of the eight in the middle.
THUMB = {
    Kind.ALU: """
        movs $l, #$u8; adds $l, $m, $n; adds $l, #$u8; subs $l, $m, #$u3; lsls $l, $m, #$u5; ands $l, $m; cmp $l, $m;
        cmp $a, $b; mov $a, $b; add $a, $b; rev $l, $m; revsh $l, $m; sxtb $l, $m; uxth $l, $m; rsbs $l, $m, #0;
        mvns $l, $m; tst $l, $m; add $l, sp, #$w; sub sp, #$w; add sp, #$w; nop; cpsid i; movw $a, #$u12;
        movt $a, #$u12; add.w $a, $b, $c; addw $a, $b, #$u12; sub.w $a, $b, $c; sub.w sp, sp, #$w; rsb $a, $b, $c;
        orr $a, $b, $c, lsl #$u5; and $a, $b, #$u8; eor $a, $b, #$u8; bic $a, $b, $c, asr #3; mvn $a, $b;
        mov.w $a, #$u8; lsl.w $a, $b, $c; asr.w $a, $b, #$u5; rbit $a, $b; clz $a, $b; rev.w $a, $b; sxtb.w $a, $b;
        uxth.w $a, $b; uxtb.w $a, $b, ror #8; bfi $a, $b, #3, #4; bfc $a, #3, #4; ubfx $a, $b, #3, #9;
        sbfx $a, $b, #3, #9; teq $a, $b; cmn.w $a, #$u8; ssat $a, #8, $b; ssat $a, #8, $b, asr #3;
        usat $a, #8, $b, lsl #2; sxtab $a, $b, $c; uxtah $a, $b, $c, ror #16; sxtb16 $a, $b; uxtb16 $a, $b, ror #8;
        sxtab16 $a, $b, $c; uxtab16 $a, $b, $c; sadd16 $a, $b, $c; ssub16 $a, $b, $c; sadd8 $a, $b, $c;
        uadd8 $a, $b, $c; usub8 $a, $b, $c; uadd16 $a, $b, $c; shadd16 $a, $b, $c; uhadd8 $a, $b, $c; qadd $a, $b, $c;
        qsub $a, $b, $c; qdadd $a, $b, $c; qadd16 $a, $b, $c; uqsub8 $a, $b, $c; sasx $a, $b, $c; usax $a, $b, $c;
        sel $a, $b, $c; pkhbt $a, $b, $c; pkhbt $a, $b, $c, lsl #16; pkhtb $a, $b, $c, asr #16; ssat16 $a, #8, $b;
        usat16 $a, #8, $b
    """,
    Kind.MULTIPLY: """
        muls $l, $m, $l; mul $a, $b, $c; mla $a, $b, $c, $d; mls $a, $b, $c, $d; smull $a, $b, $c, $d;
        umull $a, $b, $c, $d; smlal $a, $b, $c, $d; umlal $a, $b, $c, $d; smlad $a, $b, $c, $d; smladx $a, $b, $c, $d;
        smuad $a, $b, $c; smuadx $a, $b, $c; smlsd $a, $b, $c, $d; smusd $a, $b, $c; smlald $a, $b, $c, $d;
        smlaldx $a, $b, $c, $d; smlsld $a, $b, $c, $d; smlabb $a, $b, $c, $d; smlatt $a, $b, $c, $d; smulbt $a, $b, $c;
        smlawb $a, $b, $c, $d; smulwt $a, $b, $c; smlalbb $a, $b, $c, $d; smmul $a, $b, $c; smmulr $a, $b, $c;
        smmla $a, $b, $c, $d; smmls $a, $b, $c, $d; umaal $a, $b, $c, $d; usad8 $a, $b, $c; usada8 $a, $b, $c, $d
    """,
    Kind.DIVIDE: "sdiv $a, $b, $c; udiv $a, $b, $c",
    Kind.LOAD: """
        ldr $l, [$m, #$w]; ldr $l, [$m, $n]; ldr $l, [sp, #$w]; ldr $l, [pc, #$w]; ldrb $l, [$m, #$u5];
        ldrh $l, [$m, $n]; ldrsb $l, [$m, $n]; ldrsh $l, [$m, $n]; ldr.w $a, [$b, #$u12]; ldr $a, [$b, $c, lsl #2];
        ldrb.w $a, [$b], #$u5; ldrh.w $a, [$b, #-$u5]!; ldrsb.w $a, [$b, #$u12]; ldrsh.w $a, [$b, $c]; ldrex $a, [$b];
        pld [$a, #$u12]
    """,
    Kind.STORE: """
        str $l, [$m, #$w]; str $l, [$m, $n]; str $l, [sp, #$w]; strb $l, [$m, #$u5]; strh $l, [$m, $n];
        str.w $a, [$b, #$u12]; str $a, [$b, $c, lsl #2]; strb.w $a, [$b], #$u5; strh.w $a, [$b, #-$u5]!;
        str $a, [sp, #-8]!; strex $a, $b, [$c]
    """,
    Kind.MULTIPLE: """
        push {$few}; pop {$few}; ldm r0!, {$few}; stm r0!, {$few}; push.w {$many}; pop.w {$many}; ldm.w sp, {$many};
        stmdb r0!, {$many}; ldrd $a, $b, [$c, #$w]; strd $a, $b, [$c], #$w; strd $a, $b, [sp, #-16]!
    """,
    Kind.RETURN: "pop {$few, pc}; pop.w {$many, pc}",
    Kind.CONDITIONAL: "beq .; bhi .; cbz $l, $later; cbnz $l, $later",
    Kind.BRANCH: "b .; b.w .",
    Kind.CALL: "bl elsewhere",
    Kind.JUMP: "bx $a; bx lr; blx $a; mov pc, $a; tbb [pc, $a]; tbh [pc, $a, lsl #1]",
    Kind.SYSTEM: """
        dmb; dsb; isb; mrs $a, primask; msr primask, $a; mrs $a, basepri; msr basepri, $a; mrs $a, control;
        msr faultmask, $a; mrs $a, apsr; msr psp, $a; svc #$u8; udf #$u8
    """,
}
RISCV = {
    Kind.ALU: """
        addi $a, $b, $u5; addi $s, $s, $u5; addi $s, $s, -1; addi sp, sp, -$w; addi sp, sp, 496; addi $s, sp, $w;
        andi $s, $s, $u5; andi $a, $b, $u8; ori $a, $b, $u8; xori $a, $b, -1; slti $a, $b, $u8; sltiu $a, $b, 1;
        slli $a, $a, 7; slli $a, $b, 7; srli $s, $s, 7; srai $s, $s, 7; srai $a, $b, 7; add $a, $b, $c; add $a, $a, $b;
        sub $a, $b, $c; sub $s, $s, $t; sll $a, $b, $c; slt $a, $b, $c; sltu $a, $b, $c; xor $a, $b, $c; xor $s, $s, $t;
        srl $a, $b, $c; sra $a, $b, $c; or $a, $b, $c; or $s, $s, $t; and $a, $b, $c; and $s, $s, $t; lui $a, $u5;
        lui $a, $u12; auipc $a, $u12; li $a, -3; li $a, $u8; mv $a, $b; nop
    """,
    Kind.MULTIPLY: "mul $a, $b, $c; mulh $a, $b, $c; mulhu $a, $b, $c; mulhsu $a, $b, $c",
    Kind.DIVIDE: "div $a, $b, $c; divu $a, $b, $c; rem $a, $b, $c; remu $a, $b, $c",
    Kind.LOAD: """
        lw $a, $u8($b); lw $s, $w($t); lw $a, $w(sp); lh $a, $u8($b); lhu $a, $u8($b); lb $a, -$u8($b); lbu $a, $u8($b)
    """,
    Kind.STORE: "sw $a, $u8($b); sw $s, $w($t); sw $a, $w(sp); sh $a, $u8($b); sb $a, -$u8($b)",
    Kind.CONDITIONAL: """
        beq $a, $b, .; bne $a, $b, .; blt $a, $b, .; bge $a, $b, .; bltu $a, $b, .; bgeu $a, $b, .; beqz $s, .;
        bnez $s, .; beqz $a, .
    """,
    Kind.BRANCH: "j .; .option norvc\nj .\n.option rvc",
    Kind.CALL: "jal .; jal ra, elsewhere",
    Kind.JUMP: "jr $a; ret; jalr $a; jalr ra, $w($a); jr $w($a)",
    Kind.SYSTEM: """
        fence; fence rw, w; ecall; ebreak; .option norvc\nebreak\n.option rvc; csrw mtvec, $a; csrr $a, mcycle;
        csrwi mstatus, $u3; csrrsi $a, mstatus, $u3; wfi; mret
    """,
}
EACH = 4  # lines of every template


def _lines(templates: dict[Kind, str], registers: list[str], eight: list[str]) -> list[tuple[str, Kind]]:
    random_ = random.Random(0)
    found: list[tuple[str, Kind]] = []
    for kind, texts in templates.items():
        for text in texts.split(";"):
            for _ in range(EACH):
                values = dict(zip("abcd", random_.sample(registers, 4), strict=True))
                values |= dict(zip("lmn", random_.sample(eight, 3), strict=True))
                values |= dict(zip("st", random_.sample(eight, 2), strict=True))
                values |= {f"u{bits}": str(random_.randrange(1, 2**bits)) for bits in (3, 5, 8, 12)}
                values["later"] = f"line{len(found) + 3}"
                values["w"] = str(4 * random_.randrange(1, 16))
                few = sorted(random_.sample(range(1, 8), 3))
                values["few"] = ", ".join(f"r{number}" for number in few)
                values["many"] = values["few"] + f", r{random_.randrange(8, 13)}"
                found.append((Template(text.strip()).substitute(values), kind))
    return found


LINES = {
    False: _lines(THUMB, [f"r{number}" for number in range(13)], [f"r{number}" for number in range(8)]),
    True: _lines(RISCV, [f"x{number}" for number in (1, *range(3, 32))], [f"x{number}" for number in range(8, 16)]),
}


@cache
def _assembled(core: str, folder: Path) -> tuple[bytes, list[int], set[int]]:
    """The code of all lines that the core has, where each of these begins, and the numbers of the others."""
    from elftools.elf.elffile import ELFFile

    lines, arm = LINES[CORES[core].riscv], not CORES[core].riscv
    target = "thumb-freestanding-eabi" if arm else "riscv32-freestanding-none"
    cpu = CORES[core].compiled.removesuffix("+relax")  # lengths are the linker's then
    command = [sys.executable, "-m", "ziglang", "cc", "-target", target, f"-mcpu={cpu}", "-ferror-limit=0"]
    refused: set[int] = set()
    while True:
        rows = [".syntax unified" if arm else ""]
        for number, (line, _) in enumerate(lines):
            rows.append(f"line{number}: " + ("" if number in refused else line.replace("\n", "; ")))
        (folder / "lines.s").write_text("\n".join(rows) + "\n")
        words = [*command, "-c", "lines.s", "-o", "lines.o"]
        done = run_child(words, seconds=COMPILE_SECONDS, cwd=folder, env=zig_caches(folder))
        if done.returncode == 0:
            break
        wrong = {int(number) - 2 for number in re.findall(r"lines\.s:(\d+):\d+: error", done.stderr)}
        assert wrong - refused, done.stderr
        refused |= wrong
    elf = ELFFile(io.BytesIO((folder / "lines.o").read_bytes()))
    table: Any = elf.get_section_by_name(".symtab")
    text: Any = elf.get_section_by_name(".text")
    at = {symbol.name: symbol["st_value"] for symbol in table.iter_symbols()}
    starts = [at[f"line{number}"] for number in range(len(lines)) if number not in refused]
    return text.data(), starts, refused


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lines")


def _decoded(core: str, folder: Path) -> dict[str, Instruction]:
    code, starts, refused = _assembled(core, folder)
    assert not refused
    found = list((riscv if CORES[core].riscv else thumb).decode(code))
    assert [one.address for one in found] == starts
    return {line: one for (line, _), one in zip(LINES[CORES[core].riscv], found, strict=True)}


def _stack(line: str) -> int:
    """Bytes that it takes from the stack."""
    words = line.replace(",", " ").split()
    if words[0].startswith(("push", "pop")):
        count = line.count("r", len(words[0])) + line.count("pc")
        return 4 * count if words[0].startswith("push") else -4 * count
    if moved := re.fullmatch(r"(sub|add)(?:\.w)? sp,(?: sp,)? #(\d+)", line):
        return int(moved[2]) if moved[1] == "sub" else -int(moved[2])
    if moved := re.fullmatch(r"addi sp, sp, (-?\d+)", line):
        return -int(moved[1])
    pushed = re.search(r"\[sp, #-(\d+)\]!", line)
    return int(pushed[1]) if pushed else 0


@pytest.mark.parametrize("core", ["cortex-m4", "rv32imc"])
def test_lengths_kinds_and_bytes_of_stack(core: str, folder: Path) -> None:
    found = _decoded(core, folder)
    kinds = dict(LINES[CORES[core].riscv])
    for line, one in found.items():
        assert (line, one.kind, one.stack) == (line, kinds[line], _stack(line))
        if one.kind in (Kind.MULTIPLE, Kind.RETURN):
            listed = line.partition("{")[2]
            assert (line, one.registers) == (line, listed.count("r") + listed.count("pc") or 2)


@pytest.mark.parametrize("core", ["cortex-m0", "cortex-m23", "cortex-m3", "cortex-m33", "rv32ec"])
def test_a_core_has_what_it_can_be_assembled_for(core: str, folder: Path) -> None:
    refused = _assembled(core, folder)[2]
    every = _decoded("rv32imc" if CORES[core].riscv else "cortex-m4", folder)
    has = {line for line, one in every.items() if one.needs in CORES[core].has}
    assert has == {line for number, (line, _) in enumerate(LINES[CORES[core].riscv]) if number not in refused}
