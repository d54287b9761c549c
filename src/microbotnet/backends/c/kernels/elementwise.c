KERNEL void add(const int8_t *a, const int8_t *b, int8_t *y, int32_t of_a, int32_t of_b, const requantize_t *how,
                int count)
{
    for (int i = 0; i < count; i++)
        y[i] = (int8_t)requantize(of_a * a[i] + of_b * b[i], how, 0);
}

/* x times one gate a channel, both less their zero points. */
KERNEL void gate(const int8_t *x, const int8_t *gates, int8_t *y, int zero_x, int zero_gate, const requantize_t *how,
                 int channels, int pixels)
{
    for (int c = 0; c < channels; c++) {
        int32_t g = gates[c] - zero_gate;

        for (int i = 0; i < pixels; i++, x++)
            *y++ = (int8_t)requantize((*x - zero_x) * g, how, c);
    }
}

/* One input of a concatenation. */
KERNEL void place(const int8_t *x, int8_t *y, const requantize_t *how, int channels, int pixels)
{
    for (int c = 0; c < channels; c++)
        for (int i = 0; i < pixels; i++)
            *y++ = (int8_t)requantize(*x++, how, c);
}
