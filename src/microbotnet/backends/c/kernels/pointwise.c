/* Pointwise convolutions: all outputs of a few neighbouring pixels, by functions for each rounding and number of pixels. */
typedef struct {
    const uint8_t *weights; /* with 128 added */
    const int32_t *rounding; /* a multiplier and an offset an output; offsets are 128 outputs larger */
    const int8_t *table;
    int32_t pixels; /* of a map */
    int32_t outputs, inputs;
} pointwise_t;

typedef void pixels_t(const int8_t *x, int8_t *y, int32_t *values, const pointwise_t *p);

/* What those functions compute. */
KERNEL void pointwise_plain(const int8_t *x, int8_t *y, const pointwise_t *p, int count, int pre_shift, int shift)
{
    const uint8_t *weights = p->weights;

    for (int o = 0; o < p->outputs; o++, weights += p->inputs, y += p->pixels)
        for (int n = 0; n < count; n++) {
            uint32_t sum = 0;

            for (int c = 0; c < p->inputs; c++)
                sum += (weights[c] - 128u) * (uint32_t)(int32_t)x[c * p->pixels + n];
            y[n] = rounded(sum, p->rounding + 2 * o, p->table, pre_shift, shift);
        }
}

/* So many times four pixels, then the last. */
KERNEL void pointwise(const int8_t *x, int8_t *y, int32_t *values, const pointwise_t *p, int fours, pixels_t *four,
                      pixels_t *last)
{
    for (; fours; fours--, x += 4, y += 4)
        four(x, y, values, p);
    last(x, y, values, p);
}
