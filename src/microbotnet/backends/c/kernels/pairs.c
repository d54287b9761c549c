/* Two maps, element by element. */
KERNEL void larger(const int8_t *a, const int8_t *b, int8_t *y, int count)
{
    for (const int8_t *end = a + count; a != end; a++, b++)
        *y++ = *a > *b ? *a : *b;
}

KERNEL void smaller(const int8_t *a, const int8_t *b, int8_t *y, int count)
{
    for (const int8_t *end = a + count; a != end; a++, b++)
        *y++ = *a < *b ? *a : *b;
}

/* Sizes of x, and how far the other map moves with each axis: 0 where it has one element. */
typedef struct {
    int16_t channels, rows, columns;
    int32_t channel, row, column;
    int16_t zero_x, zero_g;
} product_t;

KERNEL void product(const int8_t *x, const int8_t *g, int8_t *y, const product_t *p, const requantize_t *how)
{
    for (int c = 0; c < p->channels; c++)
        for (int i = 0; i < p->rows; i++) {
            const int8_t *other = g + c * p->channel + i * p->row;

            for (int j = 0; j < p->columns; j++, other += p->column)
                *y++ = requantize((*x++ - p->zero_x) * (*other - p->zero_g), how, 0);
        }
}
