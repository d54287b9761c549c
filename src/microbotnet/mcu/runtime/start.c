/* Reset, and the loop around the network. Link your own await_picture and take_scores to put a camera before it and
   motors behind it; those below stop for a debugger, which writes the picture and goes on. */
#include "net.h"

extern uint32_t image_data_load[], image_data_start[], image_data_end[], image_bss_start[], image_bss_end[];
extern uint32_t image_stack_top[];

int main(void);
void Reset_Handler(void);
void Fault_Handler(void);
void await_picture(net_input_t *picture);
void take_scores(const net_output_t *scores);

static uint32_t arena[(NET_ARENA_BYTES + 3) / 4];
#ifdef NET_BEYOND_BYTES /* what has no place there lies in the board's other memory */
static uint32_t beyond[(NET_BEYOND_BYTES + 3) / 4] __attribute__((section(".beyond")));
#define net_run(picture, scores, arena) net_run(picture, scores, arena, beyond)
#endif
static net_output_t scores[NET_OUTPUT_BYTES / sizeof(net_output_t)] __attribute__((aligned(4)));
#ifdef NET_INPUT_OFFSET /* it costs no memory of its own */
#define picture ((net_input_t *)arena + NET_INPUT_OFFSET)
#else
static net_input_t picture[NET_INPUT_BYTES] __attribute__((aligned(4)));
#endif

#if defined(__riscv)
#define STOP __asm volatile("ebreak")
#else
#define STOP __asm volatile("bkpt 0")
#endif

__attribute__((weak, noinline)) void await_picture(net_input_t *where)
{
    (void)where;
    STOP;
}

__attribute__((weak, noinline)) void take_scores(const net_output_t *where)
{
    (void)where;
    __asm volatile("");
}

__attribute__((weak, aligned(4))) void Fault_Handler(void)
{
    for (;;)
        STOP;
}

int main(void)
{
    for (;;) {
        await_picture(picture);
        net_run(picture, scores, arena);
        take_scores(scores);
    }
}

void Reset_Handler(void)
{
    const uint32_t *from = image_data_load;

    for (uint32_t *to = image_data_start; to != image_data_end; to++)
        *to = *from++;
    for (uint32_t *to = image_bss_start; to != image_bss_end; to++)
        *to = 0;
    main();
}

#if defined(__riscv)
/* The first instructions: the stack, and where faults go. */
__asm(".section .vectors, \"ax\"\n.globl image_start\n.type image_start, @function\nimage_start:\n la t0, image_stack_top\n mv sp, t0\n"
      " la t0, Fault_Handler\n csrw mtvec, t0\n j Reset_Handler\n.size image_start, . - image_start\n.text\n");
#else
__attribute__((section(".vectors"), used)) static const struct {
    uint32_t *stack;
    void (*handlers[15])(void);
} vectors = {
    image_stack_top,
    {Reset_Handler, Fault_Handler, Fault_Handler, Fault_Handler, Fault_Handler, Fault_Handler, 0, 0, 0, 0,
     Fault_Handler, Fault_Handler, 0, Fault_Handler, Fault_Handler},
};
#endif
