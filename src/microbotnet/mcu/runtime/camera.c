/* Before the network: a camera's rows. Link your own await_row to put the camera there; this one stops for a debugger,
   which writes the row and goes on. */
#include "net.h"
#include "net_camera.h"

void await_picture(net_input_t *picture);
void await_row(uint8_t *row);

static net_camera_t camera;
static uint8_t row[NET_CAMERA_ROW_BYTES] __attribute__((aligned(4)));

__attribute__((weak, noinline)) void await_row(uint8_t *where)
{
    (void)where;
#if defined(__riscv)
    __asm volatile("ebreak");
#else
    __asm volatile("bkpt 0");
#endif
}

void await_picture(net_input_t *picture)
{
    net_camera_begin(&camera, picture);
    do
        await_row(row);
    while (!net_camera_row(&camera, row));
}
