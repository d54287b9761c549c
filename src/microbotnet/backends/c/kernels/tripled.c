/* Ternary 1x1 convolutions: all sums that three inputs can have, for eight pixels, in signed lanes. An entry is four
   words: pixels 0 and 2, 1 and 3, 4 and 6, 5 and 7. */
typedef struct {
    const int32_t *rounding; /* a multiplier and an offset a row */
    const int8_t *table;
    int32_t stride, rows;
} tripled_t;

typedef struct {
    int32_t pixels; /* of a map */
    uint32_t less;  /* the zero point's negative, twice */
} tile8_t;

typedef const uint16_t *tripled_gather_t(const uint16_t *codes, const uint32_t *tables, uint32_t *sums, int rows);
typedef void tripled_finish_t(const uint32_t *sums, int8_t *y, const tripled_t *t);

#if defined(__ARM_FEATURE_DSP)
/* Eight pixels of `count` maps, less their zero point. */
void NAME_tile8(const int8_t *x, uint32_t *tile, int count, const tile8_t *t);
/* `count` tables of 27 entries, of which the first is nothing, from three entries each. */
void NAME_sums27(const uint32_t *tile, uint32_t *tables, int count);

/* x r0, tile r1, maps left r2, bytes of a map ip, less lr */
FUNCTION("NAME_tile8", " push {r4-r7, lr}\n ldrd ip, lr, [r3]\n"
                       "1: ldr r6, [r0]\n ldr r7, [r0, #4]\n sxtab16 r4, lr, r6\n sxtab16 r5, lr, r6, ror #8\n"
                       " sxtab16 r6, lr, r7\n sxtab16 r7, lr, r7, ror #8\n stm r1!, {r4-r7}\n add r0, ip\n"
                       " subs r2, #1\n bne 1b\n pop {r4-r7, pc}\n");

/* tile r0, tables r1, tables left r2 and lr; inputs r2 ... r7, sums r8 and r9, their negatives r10 and r11, 0 ip */
#define SUMS27(at)                                                                                                     \
    " strd r2, r3, [r1, #16+" at "]\n ssub16 r10, ip, r2\n ssub16 r11, ip, r3\n"                                       \
    " strd r10, r11, [r1, #32+" at "]\n strd r4, r5, [r1, #48+" at "]\n ssub16 r10, ip, r4\n"                          \
    " ssub16 r11, ip, r5\n strd r10, r11, [r1, #96+" at "]\n strd r6, r7, [r1, #144+" at "]\n"                         \
    " ssub16 r10, ip, r6\n ssub16 r11, ip, r7\n strd r10, r11, [r1, #288+" at "]\n sadd16 r8, r4, r2\n"                \
    " sadd16 r9, r5, r3\n strd r8, r9, [r1, #64+" at "]\n ssub16 r10, ip, r8\n ssub16 r11, ip, r9\n"                   \
    " strd r10, r11, [r1, #128+" at "]\n ssub16 r8, r4, r2\n ssub16 r9, r5, r3\n"                                      \
    " strd r8, r9, [r1, #80+" at "]\n ssub16 r10, ip, r8\n ssub16 r11, ip, r9\n"                                       \
    " strd r10, r11, [r1, #112+" at "]\n sadd16 r8, r6, r2\n sadd16 r9, r7, r3\n"                                      \
    " strd r8, r9, [r1, #160+" at "]\n ssub16 r10, ip, r8\n ssub16 r11, ip, r9\n"                                      \
    " strd r10, r11, [r1, #320+" at "]\n ssub16 r8, r6, r2\n ssub16 r9, r7, r3\n"                                      \
    " strd r8, r9, [r1, #176+" at "]\n ssub16 r10, ip, r8\n ssub16 r11, ip, r9\n"                                      \
    " strd r10, r11, [r1, #304+" at "]\n sadd16 r6, r6, r4\n sadd16 r7, r7, r5\n"                                      \
    " strd r6, r7, [r1, #192+" at "]\n ssub16 r10, ip, r6\n ssub16 r11, ip, r7\n"                                      \
    " strd r10, r11, [r1, #384+" at "]\n sadd16 r8, r6, r2\n sadd16 r9, r7, r3\n"                                      \
    " strd r8, r9, [r1, #208+" at "]\n ssub16 r10, ip, r8\n ssub16 r11, ip, r9\n"                                      \
    " strd r10, r11, [r1, #416+" at "]\n ssub16 r8, r6, r2\n ssub16 r9, r7, r3\n"                                      \
    " strd r8, r9, [r1, #224+" at "]\n ssub16 r10, ip, r8\n ssub16 r11, ip, r9\n"                                      \
    " strd r10, r11, [r1, #400+" at "]\n ssub16 r6, r6, r4\n ssub16 r6, r6, r4\n"                                      \
    " ssub16 r7, r7, r5\n ssub16 r7, r7, r5\n strd r6, r7, [r1, #240+" at "]\n ssub16 r10, ip, r6\n"                   \
    " ssub16 r11, ip, r7\n strd r10, r11, [r1, #336+" at "]\n sadd16 r8, r6, r2\n sadd16 r9, r7, r3\n"                 \
    " strd r8, r9, [r1, #256+" at "]\n ssub16 r10, ip, r8\n ssub16 r11, ip, r9\n"                                      \
    " strd r10, r11, [r1, #368+" at "]\n ssub16 r8, r6, r2\n ssub16 r9, r7, r3\n"                                      \
    " strd r8, r9, [r1, #272+" at "]\n ssub16 r10, ip, r8\n ssub16 r11, ip, r9\n"                                      \
    " strd r10, r11, [r1, #352+" at "]\n"
FUNCTION("NAME_sums27", " push {r4-r11, lr}\n mov lr, r2\n mov ip, #0\n mov r10, ip\n mov r11, ip\n"
                        "1: strd ip, ip, [r1]\n strd ip, ip, [r1, #8]\n"
                        " ldrd r2, r3, [r0]\n ldrd r4, r5, [r0, #16]\n ldrd r6, r7, [r0, #32]\n" SUMS27("0")
                        " ldrd r2, r3, [r0, #8]\n ldrd r4, r5, [r0, #24]\n ldrd r6, r7, [r0, #40]\n" SUMS27("8")
                        " adds r0, #48\n addw r1, r1, #432\n subs lr, lr, #1\n bne 1b\n pop {r4-r11, pc}\n");
#else
static INLINE uint32_t lanes_sum(uint32_t a, uint32_t b)
{
    return ((a + b) & 0xffffu) | ((a >> 16) + (b >> 16)) << 16;
}

static INLINE uint32_t lanes_less(uint32_t a, uint32_t b)
{
    return ((a - b) & 0xffffu) | ((a >> 16) - (b >> 16)) << 16;
}

KERNEL void NAME_tile8(const int8_t *x, uint32_t *tile, int count, const tile8_t *t)
{
    int16_t less = (int16_t)t->less;

    for (; count; count--, x += t->pixels)
        for (int n = 0; n < 4; n++)
            *tile++ = pair(x[n / 2 * 4 + n % 2] + less, x[n / 2 * 4 + n % 2 + 2] + less);
}

KERNEL void NAME_sums27(const uint32_t *tile, uint32_t *tables, int count)
{
    for (; count; count--, tables += 4 * 27, tile += 12)
        for (int n = 0; n < 4; n++) {
            tables[n] = 0;
            for (int digit = 0, size = 1; digit < 3; digit++, size *= 3)
                for (int i = 0; i < size; i++) {
                    tables[4 * (size + i) + n] = lanes_sum(tables[4 * i + n], tile[4 * digit + n]);
                    tables[4 * (2 * size + i) + n] = lanes_less(tables[4 * i + n], tile[4 * digit + n]);
                }
        }
}

/* What the functions of `tripled.py` compute. */
KERNEL const uint16_t *tripled_plain(const uint16_t *codes, const uint32_t *tables, uint32_t *sums, int rows, int count)
{
    for (; rows; rows--, sums += 4)
        for (int n = 0; n < count; n++, codes++)
            for (int i = 0; i < 4; i++)
                sums[i] = lanes_sum(sums[i], tables[*codes / 4 + i]);
    return codes;
}

KERNEL void tripled_outputs_plain(const uint32_t *sums, int8_t *y, const tripled_t *t, int shift, int index)
{
    for (int row = 0; row < t->rows; row++, y += t->stride, sums += 4)
        for (int n = 0; n < 8; n++) {
            int32_t sum = (int16_t)(sums[n / 4 * 2 + n % 2] >> 16 * (n / 2 % 2));
            int32_t made = (int32_t)(((int64_t)t->rounding[2 * row] * sum) >> 16) + t->rounding[2 * row + 1];

            made = (made >> shift) + (index ? 0 : 128);
            made = made < 0 ? 0 : made > 255 ? 255 : made;
            y[n] = (int8_t)(index ? t->table[made] : made - 128);
        }
}
#endif

typedef struct {
    const uint16_t *codes;
    const int32_t *rounding;
    const int8_t *table;
    int32_t depth, outputs, pixels, chunks, count, zero; /* count: tables of a chunk */
} tripled_shape_t;

KERNEL void tripled(const int8_t *x, int8_t *y, uint32_t *tile, const tripled_shape_t *s, tripled_gather_t *gather,
                    tripled_finish_t *finish)
{
    int groups = s->chunks * s->count;
    uint32_t *tables = tile + 12 * groups, *sums = tables + 4 * 27 * s->count;
    tile8_t how = {s->pixels, (uint32_t)(-s->zero & 0xffff) * 0x10001u};
    tripled_t made = {s->rounding, s->table, s->pixels, s->outputs};

    for (int i = 4 * s->depth; i < 12 * groups; i++)
        tile[i] = 0;
    for (int at = 0; at < s->pixels; at += 8) {
        const uint16_t *codes = s->codes;

        NAME_tile8(x + at, tile, s->depth, &how);
        for (int i = 0; i < 4 * s->outputs; i += 4)
            sums[i] = sums[i + 1] = sums[i + 2] = sums[i + 3] = 0;
        for (int n = 0; n < s->chunks; n++) {
            NAME_sums27(tile + 12 * s->count * n, tables, s->count);
            codes = gather(codes, tables, sums, s->outputs);
        }
        finish(sums, y + at, &made);
    }
}
