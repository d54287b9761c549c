KERNEL void add(const int8_t *a, const int8_t *b, int8_t *y, int32_t of_a, int32_t of_b, const requantize_t *how,
                     int count)
{
    uint32_t offset = (uint32_t)*how->offset;
    const int8_t *table = how->table, *end = a + count;
    int shift = how->shift;

    while (a != end) {
        uint32_t sum = (uint32_t)of_a * (uint32_t)(int32_t)*a++ + (uint32_t)of_b * (uint32_t)(int32_t)*b++;

        *y++ = table[saturated(as_signed(sum + offset) >> shift)];
    }
}

/* x times one gate a channel, both less their zero points. */
KERNEL void gate(const int8_t *x, const int8_t *gates, int8_t *y, int zero_x, int zero_gate, const requantize_t *how,
                 int channels, int pixels)
{
    shift_t shift = {*how->multiplier, (1u << how->pre_shift) - 1, how->pre_shift, (uint32_t)*how->offset,
                     how->shift, how->table, zero_x, 0};

    for (; channels; channels--, x += pixels, y += pixels) {
        shift.gate = *gates++ - zero_gate;
        NAME_shift_gate(x, y, pixels, &shift);
    }
}

/* The same without a pre-shift: the gate and the multiplier are one factor. */
KERNEL void gate_unshifted(const int8_t *x, const int8_t *gates, int8_t *y, int zero_x, int zero_gate,
                           const requantize_t *how, int channels, int pixels)
{
    uint32_t multiplier = (uint32_t)*how->multiplier, offset = (uint32_t)*how->offset + (128u << how->shift);
    scale_t scale = {0, 0, how->shift, how->table};

    for (; channels; channels--, x += pixels, y += pixels) {
        uint32_t factor = (uint32_t)(*gates++ - zero_gate) * multiplier;

        scale.factor = as_signed(factor);
        scale.offset = offset - (uint32_t)zero_x * factor;
        NAME_scale(x, y, pixels, &scale);
    }
}

/* One input of a concatenation. */
KERNEL void place(const int8_t *x, int8_t *y, const requantize_t *how, int channels, int pixels)
{
    for (int c = 0; c < channels; c++)
        for (int i = 0; i < pixels; i++)
            *y++ = requantize(*x++, how, c);
}

/* Sums and products by functions for each rounding; offsets are 128 outputs larger. */
typedef struct {
    int32_t of_a, of_b;
    int32_t offset;
    const int8_t *table; /* of index 0 */
    int32_t count;
} added_t;

typedef struct {
    int32_t multiplier, offset;
    int32_t zero_x, zero_gate;
    int32_t channels, pixels;
    const int8_t *table;
} gated_t;

/* What those functions compute. */
KERNEL void added_plain(const int8_t *a, const int8_t *b, int8_t *y, const added_t *s, int shift, int clamped)
{
    for (int32_t n = 0; n < s->count; n++) {
        uint32_t sum = (uint32_t)s->of_a * (uint32_t)(int32_t)a[n] + (uint32_t)s->of_b * (uint32_t)(int32_t)b[n];
        int32_t index = as_signed(sum + (uint32_t)s->offset) >> shift;

        y[n] = s->table[clamped ? (int32_t)limited(index) : index];
    }
}

KERNEL void gated_plain(const int8_t *x, const int8_t *gates, int8_t *y, const gated_t *g, int shift, int clamped)
{
    for (int32_t c = 0; c < g->channels; c++, gates++)
        for (int32_t n = 0; n < g->pixels; n++) {
            uint32_t product = (uint32_t)((*x++ - g->zero_x) * (*gates - g->zero_gate)) * (uint32_t)g->multiplier;
            int32_t index = as_signed(product + (uint32_t)g->offset) >> shift;

            *y++ = g->table[clamped ? (int32_t)limited(index) : index];
        }
}
