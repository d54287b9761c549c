/* Dense convolutions whose sums are rounded where they are made: blocks of four outputs, by functions for each rounding. */
typedef struct {
    int32_t added;           /* to each sum */
    const int32_t *rounding; /* a multiplier and an offset an output; offsets are 128 outputs larger */
    const int8_t *table;
    int32_t stride; /* from an output to the next channel's */
    int8_t *y;
    int32_t blocks;
} dots_t;

/* Two neighbouring pixels; values are four behind each other, for four kinds of products. */
typedef struct {
    int32_t added[4];
    const int32_t *rounding;
    const int8_t *table;
    int32_t stride;
    int8_t *y;
    int32_t blocks;
} quads_t;

typedef void dots_row_t(const uint8_t *weights, const int32_t *values, const int32_t *end, const dots_t *d);
typedef void quads_row_t(const uint16_t *weights, const int32_t *values, const int32_t *end, const quads_t *d);

/* Rows of bytes, of which the first four become what the four kinds of products are of. */
typedef struct {
    int32_t *end;
    int32_t row; /* from one to the next */
    int32_t sums[4];
} four_t;

#if defined(__thumb__)
void NAME_fours(const int8_t *row, int32_t *values, four_t *fours);
/* row r0, values r1, their end ip, step r2; sums r8 ... r11 */
FUNCTION("NAME_fours", SAVE " push {r2}\n ldmia r2!, {r4, r5}\n mov ip, r4\n mov r2, r5\n movs r4, #0\n mov r8, r4\n"
                       " mov r9, r4\n mov r10, r4\n mov r11, r4\n"
                       "1: ldrb r4, [r0]\n sxtb r4, r4\n ldrb r5, [r0, #1]\n sxtb r5, r5\n ldrb r6, [r0, #2]\n"
                       " sxtb r6, r6\n ldrb r7, [r0, #3]\n sxtb r7, r7\n subs r4, r4, r6\n subs r7, r5, r7\n"
                       " subs r3, r6, r5\n adds r5, r5, r6\n mov r6, r3\n stmia r1!, {r4-r7}\n add r8, r4\n add r9, r5\n"
                       " add r10, r6\n add r11, r7\n adds r0, r0, r2\n cmp r1, ip\n bne 1b\n pop {r2}\n adds r2, #8\n"
                       " mov r4, r8\n mov r5, r9\n mov r6, r10\n mov r7, r11\n stmia r2!, {r4-r7}\n" RESTORE);
#else
KERNEL void NAME_fours(const int8_t *row, int32_t *values, four_t *fours)
{
    for (int n = 0; n < 4; n++)
        fours->sums[n] = 0;
    for (; values != fours->end; values += 4, row += fours->row) {
        values[0] = row[0] - row[2];
        values[1] = row[1] + row[2];
        values[2] = row[2] - row[1];
        values[3] = row[1] - row[3];
        for (int n = 0; n < 4; n++)
            fours->sums[n] += values[n];
    }
}

/* What those functions compute. */
KERNEL void dots_plain(const uint8_t *weights, const int32_t *values, const int32_t *end, const dots_t *d, int pre_shift,
                       int shift)
{
    int8_t *y = d->y;

    for (int o = 0; o < 4 * d->blocks; o++, y += d->stride) {
        const uint8_t *weight = weights + o % 4 + o / 4 * 4 * (end - values);
        uint32_t sum = (uint32_t)d->added;

        for (const int32_t *value = values; value != end; value++, weight += 4)
            sum += *weight * (uint32_t)*value;
        *y = rounded(sum, d->rounding + 2 * o, d->table, pre_shift, shift);
    }
}

KERNEL void quads_plain(const uint16_t *weights, const int32_t *values, const int32_t *end, const quads_t *d,
                        int pre_shift, int shift)
{
    int8_t *y = d->y;
    int count = (int)(end - values) / 4;

    for (int o = 0; o < 4 * d->blocks; o++, y += d->stride) {
        uint32_t sums[4];

        for (int kind = 0; kind < 4; kind++) {
            const uint16_t *weight = weights + ((o / 4 * 4 + kind) * count) * 4 + o % 4;

            sums[kind] = (uint32_t)d->added[kind];
            for (int n = 0; n < count; n++)
                sums[kind] += weight[4 * n] * (uint32_t)values[4 * n + kind];
        }
        sums[0] += sums[1] + sums[2];
        sums[1] -= sums[2] + sums[3];
        for (int n = 0; n < 2; n++)
            y[n] = rounded((uint32_t)(as_signed(sums[n]) >> 1), d->rounding + 2 * o, d->table, pre_shift, shift);
    }
}
#endif

typedef struct {
    const uint8_t *weights; /* with 128 added; those of four outputs interleaved */
    const int32_t *rounding;
    const int8_t *table;
    int32_t columns, depth, outputs, zero; /* columns: values of an output, a multiple of four */
} dots_shape_t;

KERNEL void dots(const int8_t *x, int8_t *y, int32_t *values, const dots_shape_t *s, const window_t *w, dots_row_t *row)
{
    int pixels = w->rows * w->columns, inputs = s->depth * w->tall * w->wide, whole = s->outputs / 4;
    int rest = s->outputs - 4 * whole;
    const int32_t *end = values + s->columns;
    dots_t made = {0, s->rounding, s->table, pixels, y, whole};

    for (int32_t *value = values + inputs; value != end;)
        *value++ = 0;
    for (int i = 0; i < w->rows; i++)
        for (int j = 0; j < w->columns; j++, y++) {
            made.added = -128 * patch(x, values, w, s->depth, i * w->down - w->above, j * w->right - w->before, s->zero);
            made.y = y;
            if (whole)
                row(s->weights, values, end, &made);
            if (rest) {
                int8_t some[4], *to = y + 4 * whole * pixels;
                dots_t last = {made.added, s->rounding + 8 * whole, s->table, 1, some, 1};

                row(s->weights + 4 * whole * s->columns, values, end, &last);
                for (int o = 0; o < rest; o++, to += pixels)
                    *to = some[o];
            }
        }
}

typedef struct {
    const uint16_t *weights; /* with 384 added; of four outputs, kind by kind, those of four outputs interleaved */
    const int32_t *rounding;
    const int8_t *table;
    int32_t depth, outputs, rows, row, zero; /* rows: of all windows, a multiple of eight; row: bytes of a copied one */
} quads_shape_t;

KERNEL void quads(const int8_t *x, int8_t *y, int32_t *values, const quads_shape_t *s, const window_t *w,
                  quads_row_t *run)
{
    int pixels = w->rows * w->columns, width = w->width, whole = s->outputs / 4, rest = s->outputs - 4 * whole;
    int32_t *end = values + 4 * s->rows;
    int8_t *copy = (int8_t *)end;
    uint32_t outside = (uint32_t)(s->zero & 255) * 0x01010101u;
    four_t fours = {values + 4 * s->depth * w->tall, s->row, {0, 0, 0, 0}};
    quads_t made = {{0, 0, 0, 0}, s->rounding, s->table, pixels, y, whole};

    for (int32_t *value = fours.end; value != end;)
        *value++ = 0;
    for (int i = 0; i < w->rows; i++) {
        uint32_t *to = (uint32_t *)(void *)copy;

        for (int c = 0; c < s->depth; c++)
            for (int u = i * w->down - w->above, n = w->tall; n; n--, u++) {
                const uint32_t *from = (const uint32_t *)(const void *)(x + (c * w->height + u) * width);

                *to++ = outside;
                if (u >= 0 && u < w->height)
                    for (int k = width / 4; k; k--)
                        *to++ = *from++;
                else
                    for (int k = width / 4; k; k--)
                        *to++ = outside;
                *to++ = outside;
            }
        for (int j = 0; j < w->columns; j += 2, y += 2) {
            NAME_fours(copy + 4 - w->before + j, values, &fours);
            for (int n = 0; n < 4; n++)
                made.added[n] = -384 * fours.sums[n];
            made.y = y;
            if (whole)
                run(s->weights, values, end, &made);
            if (rest) {
                int8_t some[8];
                quads_t last = made;

                last.rounding += 8 * whole;
                last.stride = 2;
                last.y = some;
                last.blocks = 1;
                run(s->weights + 16 * whole * s->rows, values, end, &last);
                for (int o = 0; o < rest; o++) {
                    y[(4 * whole + o) * pixels] = some[2 * o];
                    y[(4 * whole + o) * pixels + 1] = some[2 * o + 1];
                }
            }
        }
    }
}
