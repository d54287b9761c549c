KERNEL void add(const int8_t *a, const int8_t *b, int8_t *y, int32_t of_a, int32_t of_b, const requantize_t *how,
                     int count)
{
    uint32_t offset = (uint32_t)how->offset[0];

    while (count--) {
        uint32_t sum = (uint32_t)of_a * (uint32_t)(int32_t)*a++ + (uint32_t)of_b * (uint32_t)(int32_t)*b++;

        *y++ = how->table[saturated(as_signed(sum + offset) >> how->shift)];
    }
}

/* x times one gate a channel, both less their zero points. */
KERNEL void gate(const int8_t *x, const int8_t *gates, int8_t *y, int zero_x, int zero_gate,
                      const requantize_t *how, int channels, int pixels)
{
    for (int c = 0; c < channels; c++) {
        int32_t g = gates[c] - zero_gate;

        for (int i = 0; i < pixels; i++)
            *y++ = requantize((*x++ - zero_x) * g, how, c);
    }
}

/* The same without a pre-shift: the gate and the multiplier are one factor. */
KERNEL void gate_unshifted(const int8_t *x, const int8_t *gates, int8_t *y, int zero_x, int zero_gate,
                                const requantize_t *how, int channels, int pixels)
{
    const int8_t *table = how->table;
    int shift = how->shift;

    for (int c = 0; c < channels; c++) {
        uint32_t factor = (uint32_t)((gates[c] - zero_gate) * how->multiplier[how->step * c]);
        uint32_t offset = (uint32_t)how->offset[how->step * c] - (uint32_t)zero_x * factor;

        for (const int8_t *end = x + pixels; x != end;)
            *y++ = table[saturated(as_signed((uint32_t)(int32_t)*x++ * factor + offset) >> shift)];
    }
}

/* One input of a concatenation. */
KERNEL void place(const int8_t *x, int8_t *y, const requantize_t *how, int channels, int pixels)
{
    for (int c = 0; c < channels; c++)
        for (int i = 0; i < pixels; i++)
            *y++ = requantize(*x++, how, c);
}
