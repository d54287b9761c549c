"""Small functions in place of a network, whose instructions, cycles, bytes and faults are known beforehand."""

import importlib
import shutil
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from microbotnet import BadInput, Failed
from microbotnet.backends.c import emit, prepare
from microbotnet.integer.samples import random_pictures, random_program
from microbotnet.mcu.board import load_board
from microbotnet.mcu.emulator import Execution, _Machine, execute
from microbotnet.mcu.firmware import make_firmware
from microbotnet.mcu.image import SHARED, START, Image, build, check_fit, check_instructions
from microbotnet.mcu.stack import deepest
from microbotnet.mcu.toolchain import find_toolchain

for module in ("unicorn", "elftools", "ziglang"):
    pytest.importorskip(module, reason=f"{module} of the extra mcu is not installed")

HEADER = """
#include <stdint.h>
#define NET_INPUT_BYTES 4
#define NET_OUTPUT_BYTES 4
typedef uint8_t net_input_t;
typedef int16_t net_output_t;
#define NET_ARENA_BYTES 8
void net_run(const uint8_t *picture, int16_t *scores, void *arena);
"""
RUN = """
#include "net.h"
%s
void net_run(const uint8_t *picture, int16_t *scores, void *arena) { (void)arena; net_op0(picture, scores); }
"""
PICTURE = np.array([[1, 2, 3, 250]], np.uint8)


def image_of(op0: str, board: str = "microbit", **options: Any) -> Image:
    sources = {"net.h": HEADER, "net.c": RUN % op0}
    return build(sources, load_board(board), find_toolchain("zig"), **options)


def run(op0: str, board: str = "microbit") -> Execution:
    return execute(image_of(op0, board), PICTURE)


def c(body: str) -> str:
    return f"__attribute__((noinline)) static void net_op0(const uint8_t *picture, int16_t *scores) {{ {body} }}"


def assembly(body: str) -> str:
    mark = f".thumb_func\\nnet_op0: {body}\\n.size net_op0, . - net_op0\\n.type net_op0, %function"
    return f'void net_op0(const uint8_t *p, int16_t *s); __asm("{mark}");'


LOOP = assembly("movs r0, #100\\n1: subs r0, #1\\nbne 1b\\nbx lr")


def test_scores_come_out_and_pictures_go_in() -> None:
    found = run(c("scores[0] = (int16_t)(picture[0] - 3); scores[1] = (int16_t)(picture[3] * 100);"))
    assert found.scores.tolist() == [[-2, 25000]]


def test_a_loop_by_hand() -> None:
    (cost,) = run(LOOP).costs
    assert cost.instructions[0] == 1 + 100 * 2 + 1
    assert cost.cycles[0] == 1 + 100 + (99 * 3 + 1) + 3


def test_fetched_bytes_and_words_by_hand() -> None:
    (less,) = run(assembly("bx lr")).costs
    (more,) = run(assembly("push {r4-r7, lr}\\nldr r0, [sp]\\nstr r0, [sp, #4]\\npop {r4-r7, pc}")).costs
    assert (more.fetched_bytes - less.fetched_bytes, more.accesses - less.accesses) == (6, 12)


def test_a_picture_costs_the_same_every_time() -> None:
    image = image_of(c("for (int i = 0; i < 50; i++) scores[i & 1] = (int16_t)(scores[i & 1] + picture[i & 3]);"))
    found = execute(image, np.repeat(PICTURE, 3, 0))
    assert len({cost.total_instructions for cost in found.costs}) == 1
    assert {START, 0} == set(found.costs[0].instructions)


def test_a_helper_counts_under_the_layer_that_calls_it() -> None:
    found = run(c("scores[0] = (int16_t)(1000 / (picture[0] + 6)); scores[1] = 0;"))
    assert found.scores.tolist() == [[142, 0]]
    assert found.costs[0].instructions[0] > 60  # of them, the division helper's
    assert SHARED not in found.costs[0].instructions


def test_the_stack_is_measured_at_its_deepest() -> None:
    shallow = run(assembly("bx lr")).stack_bytes
    assert run(assembly("sub sp, #256\\nadd sp, #256\\nbx lr")).stack_bytes == shallow + 256
    assert run(assembly("push {r4-r7, lr}\\nsub sp, #64\\nadd sp, #64\\npop {r4-r7, pc}")).stack_bytes == shallow + 84


DEEP = "push {r4-r7, lr}\\nsub sp, #64\\nadd sp, #64\\npop {r4-r7, pc}"  # 84 bytes
CALLED = {  # how op0 reaches what is deep: by a call, by a jump at its end, by an address in a register
    "call": "void deep(void); void net_op0(const uint8_t *p, int16_t *s) { deep(); *s = *p; }",
    "jump": "void deep(void); void net_op0(const uint8_t *p, int16_t *s) { *s = *p; deep(); }",
    "address": "void deep(void); static void (*const f)(void) __attribute__((used)) = deep;"
    "void net_op0(const uint8_t *p, int16_t *s) { void (*volatile g)(void) = f; g(); *s = *p; }",
}


@pytest.mark.parametrize("how", CALLED)
@pytest.mark.parametrize("board", ["microbit", "microbit-v2"])
def test_the_bound_of_the_stack_is_what_the_emulator_finds(board: str, how: str) -> None:
    mark = f".thumb_func\\ndeep: {DEEP}\\n.size deep, . - deep\\n.type deep, %function"
    image = image_of(f'{CALLED[how]} __asm("{mark}");', board)
    found, bound = execute(image, PICTURE).stack_bytes, deepest(image)
    assert bound is not None
    assert 84 <= found <= bound <= found + 8


def test_a_recursion_has_no_bound() -> None:
    image = image_of(c("if (picture[0]) { volatile uint8_t x[1] = {0}; net_op0((const uint8_t *)x, scores); }"))
    assert deepest(image) is None


@pytest.mark.parametrize(("seed", "board"), [(3, "microbit"), (5, "microbit-v2"), (8, "esp32-c3")])
def test_no_networks_stack_goes_deeper_than_its_bound(seed: int, board: str) -> None:
    program = random_program(seed, size=(9, 9), operators=6)
    made = make_firmware(program, load_board(board))
    found = made.run(random_pictures(program, 2)).execution.stack_bytes
    assert made.stack_bound is not None
    assert 0.7 * made.stack_bound <= found <= made.stack_bound


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (c("scores[0] = *(volatile int16_t *)0x30000000;"), "read of 2 bytes at 0x30000000, outside memory"),
        (
            c("*(volatile uint32_t *)0x100 = 1; (void)picture; (void)scores;"),
            "write of 4 bytes at 0x100, into read-only",
        ),
        (c("scores[0] = (int16_t)*(volatile uint32_t *)0x20000002;"), "unaligned access"),
        (c('(void)picture; (void)scores; __asm volatile("udf 0");'), "in net_op0"),
        (c('(void)picture; (void)scores; __asm volatile("bkpt 2");'), "breakpoint"),
    ],
)
def test_a_fault_says_what_and_where(body: str, message: str) -> None:
    with pytest.raises(Failed, match=r"cortex-m0 stopped at 0x[0-9a-f]+ in net_op0") as error:
        run(body)
    assert message in str(error.value)


def test_a_memory_may_be_smaller_than_a_page_of_the_emulator() -> None:
    found = run(c("scores[0] = picture[0]; scores[1] = picture[3];"), "ch32v003")  # 2 kB of RAM
    assert (found.scores.tolist(), found.stack_bytes < 2048) == ([[1, 250]], True)
    with pytest.raises(Failed, match="write of 2 bytes at 0x20000800, outside memory"):
        run(c("*(volatile int16_t *)0x20000800 = 1; scores[0] = picture[0];"), "ch32v003")


@pytest.mark.parametrize("word", ["0xb108", "0xbf08"])  # cbz, it
def test_an_instruction_that_a_cortex_m0_lacks_is_found_before_it_runs(word: str) -> None:
    with pytest.raises(Failed, match="which a cortex-m0 lacks"):
        image_of(assembly(f".inst.n {word}\\nbx lr"))


@pytest.mark.parametrize(("core", "words"), [("cortex-m3", "0xfb21, 0x3002"), ("cortex-m23", "0xfb01, 0xf002")])
def test_no_core_gets_an_instruction_that_only_its_emulator_has(core: str, words: str) -> None:  # smlad, mul
    board = replace(load_board("microbit-v2"), core="cortex-m4")
    body = assembly(".inst.w 0x" + "".join(word[2:] for word in words.split(", ")) + "\\nbx lr")
    image = build({"net.h": HEADER, "net.c": RUN % body}, board, find_toolchain("zig"))
    check_instructions(image)
    with pytest.raises(Failed, match=f"which a {core} lacks"):
        check_instructions(replace(image, board=replace(board, core=core)))


def test_an_unsupported_instruction_is_a_fault() -> None:
    with pytest.raises(Failed, match="could not compile"):
        image_of(assembly("sdiv r0, r0, r1\\nbx lr"))
    image = image_of(assembly("sdiv r0, r0, r1\\nbx lr"), "microbit-v2")
    on_m0 = Image(image.elf, replace(image.board, core="cortex-m0"), "zig")
    with pytest.raises(Failed, match="Invalid instruction"):
        execute(on_m0, PICTURE)


BIG = "static const uint32_t net_op0_weights[%d] = {1}; %s"
READ = c("scores[0] = (int16_t)net_op0_weights[picture[0] << 8];")


def test_an_image_too_large_is_refused_by_its_bytes() -> None:
    image = image_of(BIG % (17_000, READ), "scum")
    assert image.weigh()[0]["constants"] == 68_000
    over = image.code_bytes + image.constant_bytes - 65_536
    with pytest.raises(BadInput, match=f"over by {over:,}; what weighs most: first") as error:
        check_fit(image, {0: "first"})
    assert f"needs {over + 65_536:,} of 65,536 bytes for code and constants" in str(error.value)


def test_also_where_data_begins_right_behind_code() -> None:
    board = load_board("scum")
    near = replace(board, data=replace(board.data, address=board.code.end))
    sources = {"net.h": HEADER, "net.c": RUN % (BIG % (30_000, READ))}
    for toolchain in ["zig", *(["gcc"] if shutil.which("arm-none-eabi-gcc") else [])]:
        with pytest.raises(BadInput, match="over by "):
            check_fit(build(sources, near, find_toolchain(toolchain)), {0: "first"})
    small = {"net.h": HEADER, "net.c": RUN % (BIG % (1000, READ))}
    assert execute(build(small, near, find_toolchain("zig")), PICTURE).scores.tolist() == [[0, 0]]


def test_too_many_variables_are_refused() -> None:
    body = "static uint8_t buffer[20000];" + c("buffer[picture[0] * 99] = 1; scores[0] = buffer[picture[1]];")
    with pytest.raises(BadInput, match=r"does not fit microbit: needs 20,\d+ of 16,384 bytes for RAM"):
        check_fit(image_of(body), {0: "first"})
    check_fit(image_of(body, "scum"), {0: "first"})


def test_both_memories_are_named_where_both_are_short() -> None:
    used = c("buffer[picture[0] * 99] = 1; scores[0] = (int16_t)net_op0_weights[buffer[picture[1]]];")
    body = BIG % (17_000, "static uint8_t buffer[70000];" + used)
    with pytest.raises(BadInput, match=r"for code and constants, over by .*; and needs .* for RAM, over by"):
        check_fit(image_of(body, "scum"), {0: "first"})


def test_bytes_add_up_to_the_image() -> None:
    made = make_firmware(random_program(5), load_board("scum"))
    image = made.image
    weights = image.weigh()
    assert sum(count["code"] + count["constants"] for count in weights.values()) == len(image.raw)
    assert sum(count["ram"] for count in weights.values()) == image.ram_bytes
    assert {0, 1, 2} < set(weights)
    assert all(value >= 0 for count in weights.values() for value in count.values())


def test_counts_are_those_of_a_hook_on_every_instruction() -> None:
    made = make_firmware(random_program(4, size=(6, 5)), load_board("scum"))
    pictures = random_pictures(made.program, 1)
    machine = _Machine(made.image)
    unicorn: Any = importlib.import_module("unicorn")
    count = 0

    def every(*_: Any) -> None:
        nonlocal count
        count += 1

    machine.core.hook_add(unicorn.UC_HOOK_CODE, every)
    found = machine.run(pictures)
    assert count == machine._cost().total_instructions  # since reset
    assert 0 < found.costs[0].total_instructions < count < found.costs[0].total_instructions + 2000


@pytest.mark.parametrize("seed", range(8))
def test_a_random_program_gives_the_interpreters_scores_on_an_emulated_cortex_m0(seed: int) -> None:
    made = make_firmware(random_program(seed), load_board("scum"), prefer=("speed", "size")[seed % 2])
    assert made.run(random_pictures(made.program, 3, seed)).bit_exact


@pytest.mark.parametrize("board", ["microbit", "microbit-v2", "nrf5340-dk", "rp2040", "esp32-c3", "ch32v003"])
def test_and_on_the_other_boards(board: str) -> None:
    found = load_board(board)
    if board == "ch32v003":
        found = replace(found, data=replace(found.data, bytes=16_384))
    made = make_firmware(random_program(11), found)
    assert made.run(random_pictures(made.program, 3)).bit_exact


@pytest.mark.skipif(shutil.which("arm-none-eabi-gcc") is None, reason="arm-none-eabi-gcc is not installed")
@pytest.mark.parametrize("board", ["scum", "microbit-v2"])
def test_and_compiled_by_gnu(board: str) -> None:
    made = make_firmware(random_program(12), load_board(board), toolchain=find_toolchain("gcc"))
    assert made.run(random_pictures(made.program, 3)).bit_exact


@pytest.mark.skipif(shutil.which("qemu-system-arm") is None, reason="qemu-system-arm is not installed")
@pytest.mark.parametrize("board", ["scum", "microbit", "microbit-v2", "nrf5340-dk"])
def test_and_in_qemu(board: str) -> None:
    made = make_firmware(random_program(13), load_board(board))
    pictures = random_pictures(made.program, 5)
    np.testing.assert_array_equal(made.second_opinion(pictures), made.run(pictures).expected)


def test_without_qemu_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    made = make_firmware(random_program(0), load_board("scum"))
    monkeypatch.setenv("PATH", "")
    with pytest.raises(Failed, match="qemu-system-arm is not installed"):
        made.second_opinion(random_pictures(made.program, 1))


def test_without_a_compiler_it_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(Failed, match=r"pip install 'microbotnet\[mcu\]'"):
        find_toolchain()
    with pytest.raises(BadInput, match="there are: zig, gcc"):
        find_toolchain("clang")


def test_the_plan_that_is_drawn_is_that_of_the_image() -> None:
    for seed in range(30):
        program = random_program(seed)
        sources = emit(program)
        assert f"#define NET_ARENA_BYTES {prepare(program).plan.size}\n" in sources["net.h"]
