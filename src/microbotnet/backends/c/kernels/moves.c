/* What only moves bytes. Element by element, the last axis running fastest. */
typedef struct {
    int16_t sizes[6];
    int32_t strides[6], start;
} view_t;

KERNEL void view(const int8_t *x, int8_t *y, const view_t *v)
{
    int16_t at[5] = {0};
    int axis;

    x += v->start;
    do {
        const int8_t *from = x;

        for (int i = v->sizes[5]; i; i--, from += v->strides[5])
            *y++ = *from;
        for (axis = 4; axis >= 0; axis--) {
            x += v->strides[axis];
            if (++at[axis] < v->sizes[axis])
                break;
            x -= v->sizes[axis] * v->strides[axis];
            at[axis] = 0;
        }
    } while (axis >= 0);
}

/* Channels, rows and columns of the input and of the output, and how many of the output's are before the input. */
typedef struct {
    int16_t channels, height, width;
    int16_t deep, tall, wide;
    int16_t first, above, before;
    int8_t fill;
} pad_t;

KERNEL void pad(const int8_t *x, int8_t *y, const pad_t *p)
{
    for (int c = -p->first; c < p->deep - p->first; c++)
        for (int i = -p->above; i < p->tall - p->above; i++) {
            int inside = c >= 0 && c < p->channels && i >= 0 && i < p->height;
            const int8_t *end = y + p->wide;

            if (inside) {
                for (const int8_t *left = y + p->before; y != left;)
                    *y++ = p->fill;
                for (const int8_t *all = x + p->width; x != all;)
                    *y++ = *x++;
            }
            while (y != end)
                *y++ = p->fill;
        }
}
