/* See Softmax in microbotnet's integer/operators/softmax.py. */
static INLINE int32_t saturated_left(int32_t x, int count)
{
    int32_t limit = INT32_MAX >> count;

    return x > limit ? INT32_MAX : x < -limit - 1 ? INT32_MIN : x * (1 << count);
}

/* 1 / (1 + x) of 0 <= x < 1, both 2^31 to the unit. */
static INLINE int32_t reciprocal(int32_t x)
{
    int32_t half = as_signed(((uint32_t)x + 0x80000000u) >> 1), made = 1515870810 + high_product(-1010580540, half);

    for (int step = 0; step < 3; step++)
        made += saturated_left(high_product((1 << 29) - high_product(half, made), made), 2);
    return saturated_left(made, 1);
}

/* Where channels and pixels are: `step` from a channel to the next, `from` and `to` from a pixel to the next. */
KERNEL void softmax(const int8_t *x, int8_t *y, const int32_t *exponentials, int channels, int pixels, int step, int from,
                    int to, int apart)
{
    for (; pixels; pixels--, x += from, y += to) {
        int largest = -128, headroom = 0;
        uint32_t sum = 0;
        int32_t factor;

        for (int c = 0; c < channels; c++) {
            int value = (int8_t)(uint8_t)((uint8_t)x[c * step] ^ apart);

            largest = value > largest ? value : largest;
        }
        for (int c = 0; c < channels; c++)
            sum += ((uint32_t)exponentials[largest - (int8_t)(uint8_t)((uint8_t)x[c * step] ^ apart)] + 2048) >> 12;
        for (; !(sum >> 31); sum <<= 1)
            headroom++;
        factor = reciprocal(as_signed(sum - 0x80000000u));
        for (int c = 0; c < channels; c++) {
            int32_t e = exponentials[largest - (int8_t)(uint8_t)((uint8_t)x[c * step] ^ apart)];
            int shift = 35 - headroom;
            int32_t made = high_product(e, factor);

            made = shift > 31 ? 0 : ((made >> (shift - 1)) + 1) >> 1; /* many channels alike have less than half a unit */
            y[c * step] = (int8_t)(uint8_t)((uint8_t)((made > 255 ? 255 : made) - 128) ^ apart);
        }
    }
}
