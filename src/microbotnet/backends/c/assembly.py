"""Armv6-M instructions that several kinds of straight code have in common."""


def requantized(sum_: str, factor: str, offset: str, table: str, spare: str, pre_shift: int, shift: int) -> list[str]:
    """A sum becomes its output; all but `offset` are low registers. Offsets are 128 outputs larger."""
    lines = []
    if pre_shift:
        lines += {8: [f"uxtb {spare}, {sum_}"], 16: [f"uxth {spare}, {sum_}"]}.get(
            pre_shift, [f"lsls {spare}, {sum_}, #{32 - pre_shift}", f"lsrs {spare}, {spare}, #{32 - pre_shift}"]
        )
        lines += [f"muls {spare}, {factor}, {spare}", f"asrs {spare}, {spare}, #{pre_shift}"]
        lines += [f"asrs {sum_}, {sum_}, #{pre_shift}", f"muls {sum_}, {factor}, {sum_}", f"add {sum_}, {spare}"]
    else:
        lines += [f"muls {sum_}, {factor}, {sum_}"]
    lines += [f"add {sum_}, {offset}", *([f"asrs {sum_}, {sum_}, #{shift}"] if shift else [])]
    lines += [f"cmp {sum_}, #255", "bls 1f", f"asrs {sum_}, {sum_}, #31", f"mvns {sum_}, {sum_}"]
    return [*lines, f"uxtb {sum_}, {sum_}", f"1: ldrb {sum_}, [{table}, {sum_}]"]


CLAMP = 3  # of these instructions are for outputs that the clamp changes


def guarded(name: str, signature: str, lines: list[str], plain: str) -> str:
    """A function in C whose body is `lines`; `plain` is what stands in for it on other processors."""
    body = "".join(f'    " {line}\\n"\n' for line in lines)
    return (
        f'#if defined(__thumb__)\nvoid NAME_{name}({signature});\nFUNCTION("NAME_{name}", SAVE\n{body}    RESTORE);\n'
        f"#else\n{plain}#endif\n"
    )
