/* a * b / 2^31, rounded to nearest, halves up; b is not negative. */
static INLINE int32_t high_product(int32_t a, int32_t b)
{
#if defined(__LP64__) || defined(_WIN64) || (defined(__ARM_ARCH) && __ARM_ARCH_ISA_THUMB >= 2) || defined(__riscv_mul)
    return (int32_t)(((int64_t)a * b + ((int64_t)1 << 30)) >> 31);
#else
    /* Four products of halves in place of one of 64 bits. */
    int32_t high_a = a >> 16, high_b = b >> 16, low_b = b & 0xffff, across, high;
    uint32_t low_a = (uint32_t)a & 0xffff, low = low_a * (uint32_t)low_b;
    uint32_t middle = low_a * (uint32_t)high_b + (low >> 16), rest;

    across = high_a * low_b + (int32_t)(middle & 0xffff);
    high = high_a * high_b + (int32_t)(middle >> 16) + (across >> 16);
    rest = (uint32_t)across << 16 | (low & 0xffff);
    return as_signed((uint32_t)high * 2 + (((rest >> 30) + 1) >> 1));
#endif
}
