/* y = table[x - lowest x]; step is 256 for a table a channel, 0 for one. */
KERNEL void lookup_bytes(const uint8_t *x, int8_t *y, const int8_t *table, int step, int channels, int pixels)
{
    for (int c = 0; c < channels; c++, table += step)
        for (int i = 0; i < pixels; i++)
            *y++ = table[*x++];
}

KERNEL void lookup(const int8_t *x, int8_t *y, const int8_t *table, int step, int channels, int pixels)
{
    for (int c = 0; c < channels; c++, table += step)
        for (int i = 0; i < pixels; i++)
            *y++ = table[*x++ + 128];
}
