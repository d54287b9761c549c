/* For QEMU: pictures are read from the file pictures, scores written to the file scores, both in its folder. */
#include "net.h"

void await_picture(net_input_t *picture);
void take_scores(const net_output_t *scores);
void Fault_Handler(void);

enum { OPEN = 0x01, WRITE = 0x05, READ = 0x06, EXIT = 0x20, STOPPED = 0x20026, FAULT = 0x20023 };

static uint32_t call(uint32_t operation, const void *arguments)
{
    register uint32_t r0 __asm("r0") = operation;
    register const void *r1 __asm("r1") = arguments;

    __asm volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

static void leave(uint32_t why, uint32_t code)
{
    uint32_t arguments[2] = {why, code};

    for (;;)
        call(EXIT, arguments);
}

static uint32_t open_file(const char *name, uint32_t length, uint32_t mode)
{
    uint32_t arguments[3] = {(uint32_t)(uintptr_t)name, mode, length};

    return call(OPEN, arguments);
}

void await_picture(net_input_t *picture)
{
    static uint32_t file;

    if (!file)
        file = open_file("pictures", 8, 1) + 1;
    uint32_t arguments[3] = {file - 1, (uint32_t)(uintptr_t)picture, NET_INPUT_BYTES};
    if (call(READ, arguments))
        leave(STOPPED, 0);
}

void take_scores(const net_output_t *scores)
{
    static uint32_t file;

    if (!file)
        file = open_file("scores", 6, 5) + 1;
    uint32_t arguments[3] = {file - 1, (uint32_t)(uintptr_t)scores, NET_OUTPUT_BYTES};
    if (call(WRITE, arguments))
        leave(FAULT, 1);
}

void Fault_Handler(void)
{
    leave(FAULT, 1);
}
