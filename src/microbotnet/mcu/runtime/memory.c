/* What a compiler may call without being asked; small, and fast where both sides are aligned. */
#include <stddef.h>
#include <stdint.h>

void *memcpy(void *to, const void *from, size_t count);
void *memmove(void *to, const void *from, size_t count);
void *memset(void *to, int value, size_t count);

/* An empty statement that the compiler may not look through: else it would turn the loop into a call of itself. */
#define KEEP __asm volatile("" ::: "memory")

void *memcpy(void *to, const void *from, size_t count)
{
    uint8_t *y = to;
    const uint8_t *x = from;

    if ((((uintptr_t)y | (uintptr_t)x) & 3) == 0)
        for (; count >= 4; count -= 4, x += 4, y += 4) {
            *(uint32_t *)(void *)y = *(const uint32_t *)(const void *)x;
            KEEP;
        }
    for (; count; count--) {
        *y++ = *x++;
        KEEP;
    }
    return to;
}

void *memmove(void *to, const void *from, size_t count)
{
    uint8_t *y = to;
    const uint8_t *x = from;

    if (y <= x || y >= x + count)
        return memcpy(to, from, count);
    while (count) {
        count--;
        y[count] = x[count];
        KEEP;
    }
    return to;
}

void *memset(void *to, int value, size_t count)
{
    uint8_t *y = to;
    uint32_t word = (uint8_t)value * 0x01010101u;

    if (((uintptr_t)y & 3) == 0)
        for (; count >= 4; count -= 4, y += 4) {
            *(uint32_t *)(void *)y = word;
            KEEP;
        }
    for (; count; count--) {
        *y++ = (uint8_t)value;
        KEEP;
    }
    return to;
}

/* The names under which the Arm run-time ABI asks for the same. */
void __aeabi_memcpy(void *to, const void *from, size_t count);
void __aeabi_memcpy4(void *to, const void *from, size_t count);
void __aeabi_memcpy8(void *to, const void *from, size_t count);
void __aeabi_memmove(void *to, const void *from, size_t count);
void __aeabi_memmove4(void *to, const void *from, size_t count);
void __aeabi_memset(void *to, size_t count, int value);
void __aeabi_memset4(void *to, size_t count, int value);
void __aeabi_memclr(void *to, size_t count);
void __aeabi_memclr4(void *to, size_t count);
void __aeabi_memclr8(void *to, size_t count);

void __aeabi_memcpy(void *to, const void *from, size_t count) { memcpy(to, from, count); }
void __aeabi_memcpy4(void *to, const void *from, size_t count) { memcpy(to, from, count); }
void __aeabi_memcpy8(void *to, const void *from, size_t count) { memcpy(to, from, count); }
void __aeabi_memmove(void *to, const void *from, size_t count) { memmove(to, from, count); }
void __aeabi_memmove4(void *to, const void *from, size_t count) { memmove(to, from, count); }
void __aeabi_memset(void *to, size_t count, int value) { memset(to, value, count); }
void __aeabi_memset4(void *to, size_t count, int value) { memset(to, value, count); }
void __aeabi_memclr(void *to, size_t count) { memset(to, 0, count); }
void __aeabi_memclr4(void *to, size_t count) { memset(to, 0, count); }
void __aeabi_memclr8(void *to, size_t count) { memset(to, 0, count); }
