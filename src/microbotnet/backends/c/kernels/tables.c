/* Ternary layers without lists: a byte is the weights of several inputs, and the place of their sum in a table of all
   sums that those inputs can have. A table is made once for a tile of pixels and read by every row; nothing is decoded.

   A table's entry, like a tile's, has 1 word, one sum, or 2 or 4 words of lanes. The first entry has all inputs taken
   off; for each digit every entry is written once more behind all that are there, and those again, with the input
   added. */
typedef struct {
    int32_t rows, groups; /* groups: tables, and bytes of a row */
    int32_t step;         /* from one table to the next, in bytes */
} gather_t;

#if defined(__thumb__)
/* table, 3^digits entries, from as many values as there are digits. */
void NAME_combine1(uint32_t *table, const uint32_t *values, int digits);
void NAME_combine2(uint32_t *table, const uint32_t *values, int digits);
void NAME_combine4(uint32_t *table, const uint32_t *values, int digits);
/* Add to each row's sums what its codes, at most 16, 12 or 8 of them, choose from the tables; returns what is behind. */
const uint8_t *NAME_gather1(const uint8_t *codes, const uint32_t *tables, uint32_t *sums, const gather_t *gather);
const uint8_t *NAME_gather2(const uint8_t *codes, const uint32_t *tables, uint32_t *sums, const gather_t *gather);
const uint8_t *NAME_gather4(const uint8_t *codes, const uint32_t *tables, uint32_t *sums, const gather_t *gather);
/* Outputs of rows whose sums are known: see NAME_rows4. */
const uint8_t *NAME_finish4(const uint32_t *sums, const uint32_t *tile, int8_t *y, rows_t *rows);
const uint8_t *NAME_finish2(const uint32_t *sums, const uint32_t *tile, int8_t *y, rows_t *rows);

/* values r1, end of the table so far r3, its start ip, digits left r0; entries are read until r2 comes to lr */
#define COMBINE(first, load, entry)                                                                                    \
    " push {r4-r7, lr}\n mov ip, r0\n mov r0, r2\n mov r3, r1\n" first                                                \
    "5: subs r0, #1\n beq 9f\n mov r2, ip\n subs r2, r3, r2\n adds r2, r2, r3\n mov lr, r2\n mov r2, ip\n" load        \
    "1:" entry " cmp r2, lr\n bne 1b\n b 5b\n9: pop {r4-r7, pc}\n"
#define ENTRY2 " ldmia r2!, {r6, r7}\n adds r6, r6, r4\n adds r7, r7, r5\n stmia r3!, {r6, r7}\n"
#define STEP2 " stmia r3!, {r6, r7}\n adds r6, r6, r4\n adds r7, r7, r5\n"
FUNCTION("NAME_combine1", COMBINE(" movs r5, #0\n1: ldmia r3!, {r4}\n subs r5, r5, r4\n subs r2, #1\n bne 1b\n"
                                  " ldmia r1!, {r4}\n adds r6, r5, r4\n adds r7, r6, r4\n mov r3, ip\n"
                                  " stmia r3!, {r5-r7}\n",
                                  " ldmia r1!, {r4}\n",
                                  " ldmia r2!, {r5-r7}\n adds r5, r5, r4\n adds r6, r6, r4\n adds r7, r7, r4\n"
                                  " stmia r3!, {r5-r7}\n"));
FUNCTION("NAME_combine2", COMBINE(" movs r6, #0\n movs r7, #0\n1: ldmia r3!, {r4, r5}\n subs r6, r6, r4\n"
                                  " subs r7, r7, r5\n subs r2, #1\n bne 1b\n ldmia r1!, {r4, r5}\n mov r3, ip\n"
                                  STEP2 STEP2 " stmia r3!, {r6, r7}\n",
                                  " ldmia r1!, {r4, r5}\n", ENTRY2 ENTRY2 ENTRY2));
/* The same, three entries at a time: the first of them is read, and the two others are each the one before and the first
   digit, r8 ... r11. The digit that is added r0, r1, ip, lr; on the stack: where reading ends, digits left, values, start
   of the table. */
#define LESS4(sum) " ldmia r3!, {r1}\n subs " sum ", " sum ", r1\n"
#define STEP4 " stmia r3!, {r4-r7}\n add r4, r8\n add r5, r9\n add r6, r10\n add r7, r11\n"
FUNCTION("NAME_combine4",
         SAVE " push {r0-r2}\n sub sp, #4\n mov r3, r1\n movs r4, #0\n movs r5, #0\n movs r6, #0\n movs r7, #0\n"
              "1:" LESS4("r4") LESS4("r5") LESS4("r6") LESS4("r7") " subs r2, #1\n bne 1b\n ldr r3, [sp, #8]\n"
              " ldmia r3!, {r0, r1}\n mov r8, r0\n mov r9, r1\n ldmia r3!, {r0, r1}\n mov r10, r0\n mov r11, r1\n"
              " str r3, [sp, #8]\n ldr r3, [sp, #4]\n" STEP4 STEP4 " stmia r3!, {r4-r7}\n"
              "5: ldr r0, [sp, #12]\n subs r0, #1\n str r0, [sp, #12]\n beq 9f\n ldr r2, [sp, #4]\n subs r0, r3, r2\n"
              " adds r0, r0, r3\n str r0, [sp]\n ldr r7, [sp, #8]\n ldmia r7!, {r0, r1, r4, r5}\n str r7, [sp, #8]\n"
              " mov ip, r4\n mov lr, r5\n"
              "1: ldmia r2!, {r4-r7}\n adds r2, #32\n adds r4, r4, r0\n adds r5, r5, r1\n add r6, ip\n add r7, lr\n"
              STEP4 STEP4 " stmia r3!, {r4-r7}\n ldr r4, [sp]\n cmp r2, r4\n bne 1b\n b 5b\n9: add sp, #16\n" RESTORE);

/* codes r0, table r1; the first table r9, rows left r8, where a row's first code is added r10, codes of a row r11.
   The last of `most` codes is always the last of a row. */
#define CODE1(k) " ldrb r2, [r0, #" k "]\n lsls r2, r2, #2\n ldr r2, [r1, r2]\n adds r4, r4, r2\n adds r1, r1, r6\n"
#define CODE2(k)                                                                                                       \
    " ldrb r2, [r0, #" k "]\n lsls r2, r2, #3\n adds r2, r2, r1\n ldmia r2, {r2, r3}\n adds r4, r4, r2\n"              \
    " adds r5, r5, r3\n adds r1, r1, r6\n"
#define CODE4(k)                                                                                                       \
    " ldrb r2, [r0, #" k "]\n lsls r2, r2, #4\n adds r2, r2, r1\n ldr r3, [r2, #8]\n adds r6, r6, r3\n"                \
    " ldr r3, [r2, #12]\n adds r7, r7, r3\n ldmia r2, {r2, r3}\n adds r4, r4, r2\n adds r5, r5, r3\n add r1, lr\n"
#define EIGHT(code) code("0") code("1") code("2") code("3") code("4") code("5") code("6") code("7")
#define TWELVE(code) EIGHT(code) code("8") code("9") code("10") code("11")
#define SIXTEEN(code) TWELVE(code) code("12") code("13") code("14") code("15")
#define GATHER(most, bytes, step, load, codes, store)                                                                  \
    SAVE " mov r9, r1\n ldmia r3!, {r4, r5, r6}\n mov r8, r4\n mov r11, r5\n movs r4, #" most "\n subs r4, r4, r5\n"   \
    " subs r0, r0, r4\n movs r5, #" bytes "\n muls r4, r5, r4\n adr r5, 1f\n adds r4, r4, r5\n mov r10, r4\n" step     \
    "5: mov r1, r9\n" load " mov pc, r10\n .p2align 2\n1:" codes store                                                 \
    " add r0, r11\n mov r2, r8\n subs r2, #1\n mov r8, r2\n bne 5b\n adds r0, #" most "\n mov r1, r11\n"             \
    " subs r0, r0, r1\n" RESTORE
FUNCTION("NAME_gather1", GATHER("16", "10", " mov r7, r2\n", " ldr r4, [r7]\n", SIXTEEN(CODE1), " stmia r7!, {r4}\n"));
FUNCTION("NAME_gather2", GATHER("12", "14", " mov r7, r2\n", " ldr r4, [r7]\n ldr r5, [r7, #4]\n", TWELVE(CODE2),
                                " stmia r7!, {r4, r5}\n"));
FUNCTION("NAME_gather4", GATHER("8", "22", " mov lr, r6\n mov ip, r2\n", " mov r2, ip\n ldmia r2!, {r4-r7}\n",
                                EIGHT(CODE4), " mov r2, ip\n stmia r2!, {r4-r7}\n mov ip, r2\n"));

FUNCTION("NAME_finish4", ROWS4(" ldmia r0!, {r4-r7}\n"));
FUNCTION("NAME_finish2", ROWS2(" ldmia r0!, {r4, r5}\n"));
#else
KERNEL void NAME_combine(uint32_t *table, const uint32_t *values, int digits, int words)
{
    int size = words;

    for (int i = 0; i < words; i++) {
        table[i] = 0;
        for (int n = 0; n < digits; n++)
            table[i] -= values[n * words + i];
    }
    for (; digits; digits--, values += words, size *= 3)
        for (int i = 0; i < 2 * size; i++)
            table[size + i] = table[i] + values[i % words];
}

KERNEL const uint8_t *NAME_gather(const uint8_t *codes, const uint32_t *tables, uint32_t *sums, const gather_t *gather,
                                  int words)
{
    for (int row = 0; row < gather->rows; row++, sums += words) {
        const uint32_t *table = tables;

        for (int n = 0; n < gather->groups; n++, codes++, table += gather->step / 4)
            for (int i = 0; i < words; i++)
                sums[i] += table[words * *codes + i];
    }
    return codes;
}

KERNEL void NAME_finish(const uint32_t *sums, int8_t *y, rows_t *rows, int words)
{
    for (int row = 0; row < rows->count; row++, y += rows->stride, sums += words) {
        channel_t channel = NAME_channel(rows);

        for (int i = 0; i < words; i++)
            NAME_outputs(sums[i], y + 4 * (i / 2) + i % 2, &channel);
    }
}
#define NAME_combine1(table, values, digits) NAME_combine(table, values, digits, 1)
#define NAME_combine2(table, values, digits) NAME_combine(table, values, digits, 2)
#define NAME_combine4(table, values, digits) NAME_combine(table, values, digits, 4)
#define NAME_gather1(codes, tables, sums, gather) NAME_gather(codes, tables, sums, gather, 1)
#define NAME_gather2(codes, tables, sums, gather) NAME_gather(codes, tables, sums, gather, 2)
#define NAME_gather4(codes, tables, sums, gather) NAME_gather(codes, tables, sums, gather, 4)
#define NAME_finish4(sums, tile, y, rows) NAME_finish(sums, y, rows, 4)
#define NAME_finish2(sums, tile, y, rows) NAME_finish(sums, y, rows, 2)
#endif

typedef struct {
    int16_t depth, outputs; /* of a group */
    int16_t zero, centre;   /* of x: what is outside the map; what is taken from every value */
    int16_t inputs;         /* of an output; up to `groups` times `each` follow zeros */
    int16_t groups;         /* codes of a row */
    int16_t chunk;          /* tables at a time */
    int16_t block;          /* rows at a time */
    int16_t size;           /* of a table: 3^each */
    uint8_t each;           /* inputs of a code */
    uint8_t words;          /* of an entry: 2 or 4; 1 for a linear layer */
} tabled_t;

/* Tables of `groups` codes from the values behind each other at `values`; returns what is behind those. */
static INLINE const uint32_t *make_tables(uint32_t *tables, const uint32_t *values, int groups, const tabled_t *t,
                                          int words)
{
    for (; groups; groups--, values += words * t->each, tables += words * t->size)
        if (words == 1)
            NAME_combine1(tables, values, t->each);
        else if (words == 2)
            NAME_combine2(tables, values, t->each);
        else
            NAME_combine4(tables, values, t->each);
    return values;
}

/* Add up `rows` rows whose values are behind each other at `values`, and tables behind those. */
static INLINE const uint8_t *tabled_sums(const uint8_t *codes, const uint32_t *values, uint32_t *sums, int rows,
                                         const tabled_t *t, int made, int words)
{
    uint32_t *tables = (uint32_t *)values + t->groups * t->each * words;

    for (int left = t->groups; left > 0; left -= t->chunk) {
        gather_t gather = {rows, left < t->chunk ? left : t->chunk, 4 * words * t->size};

        if (!made)
            values = make_tables(tables, values, gather.groups, t, words);
        codes = words == 1   ? NAME_gather1(codes, tables, sums, &gather)
                : words == 2 ? NAME_gather2(codes, tables, sums, &gather)
                             : NAME_gather4(codes, tables, sums, &gather);
    }
    return codes;
}

/* The first `left` outputs of each row, from sums whose requantization has a pre-shift. */
static INLINE void finish_shifted(const uint32_t *sums, int8_t *y, const requantize_t *how, int channel, int outputs,
                                  int pixels, int left, int words)
{
    for (int o = 0; o < outputs; o++, sums += words, y += pixels)
        for (int n = 0; n < 2 * words && n < left; n++) {
            uint32_t word = sums[n / 4 * 2 + n % 2];
            int32_t sum = (int32_t)(n & 2 ? word >> 16 : word & 0xffffu) - (int32_t)START;

            y[n] = requantize(sum, how, channel + o);
        }
}

static INLINE void tabled(const int8_t *x, int8_t *y, uint32_t *sums, const uint8_t *codes, const lanes_t *how,
                          const requantize_t *shifted, const window_t *w, const tabled_t *t, load_t *load,
                          int words)
{
    int pixels = w->rows * w->columns, all = 0;
    rows_t rows = {0, 0, 0, pixels, 0, 0, 0, 0, 0, 0};
    uint32_t *tile = sums + t->outputs * words;

    if (!shifted) {
        rows.rounding = how->rounding;
        rows.shift = how->shift;
        rows.table = how->table;
    }
    for (int i = t->inputs * words; i < t->groups * t->each * words; i++)
        tile[i] = 0;
    for (int left = w->channels; left > 0; left -= t->depth, all += t->outputs) {
        const int32_t *rounding = rows.rounding;
        const uint8_t *next = codes;

        for (int at = 0; at < pixels; at += 2 * words) {
            int8_t *out = y + at;

            load(x, tile, w, t->depth, at, words, t->zero, t->centre);
            for (int i = 0; i < t->outputs * words; i++)
                sums[i] = LANES;
            next = tabled_sums(codes, tile, sums, t->outputs, t, 0, words);
            if (shifted) {
                finish_shifted(sums, out, shifted, all, t->outputs, pixels, pixels - at, words);
                continue;
            }
            rows.rounding = rounding;
            rows.count = pixels - at >= 2 * words ? t->outputs : 1;
            for (int o = 0; o < t->outputs; o += rows.count, out += pixels) {
                int8_t some[8], *to = rows.count == 1 ? some : out;

                if (words == 2)
                    NAME_finish2(sums + o * 2, 0, to, &rows);
                else
                    NAME_finish4(sums + o * 4, 0, to, &rows);
                for (int i = 0; to == some && i < pixels - at && i < 2 * words; i++)
                    out[i] = some[i];
            }
        }
        codes = next;
        x += t->depth * w->height * w->width;
        y += t->outputs * pixels;
    }
}

KERNEL void tabled2(const int8_t *x, int8_t *y, uint32_t *sums, const uint8_t *codes, const lanes_t *how,
                    const window_t *w, const tabled_t *t, load_t *load)
{
    tabled(x, y, sums, codes, how, 0, w, t, load, 2);
}

KERNEL void tabled4(const int8_t *x, int8_t *y, uint32_t *sums, const uint8_t *codes, const lanes_t *how,
                    const window_t *w, const tabled_t *t, load_t *load)
{
    tabled(x, y, sums, codes, how, 0, w, t, load, 4);
}

KERNEL void tabled2_shifted(const int8_t *x, int8_t *y, uint32_t *sums, const uint8_t *codes, const requantize_t *how,
                            const window_t *w, const tabled_t *t, load_t *load)
{
    tabled(x, y, sums, codes, 0, how, w, t, load, 2);
}

KERNEL void tabled4_shifted(const int8_t *x, int8_t *y, uint32_t *sums, const uint8_t *codes, const requantize_t *how,
                            const window_t *w, const tabled_t *t, load_t *load)
{
    tabled(x, y, sums, codes, 0, how, w, t, load, 4);
}

/* One output a row: a linear layer, `t->block` rows at a time; fewer than all of them only if all tables fit in. */
KERNEL void tabled_linear(const int8_t *x, int8_t *y, int16_t *scores, uint32_t *sums, const uint8_t *codes,
                          const requantize_t *how, const tabled_t *t)
{
    uint32_t *values = sums + t->block;

    for (int i = 0; i < t->groups * t->each; i++)
        values[i] = i < t->inputs ? (uint32_t)(x[i] - t->centre) : 0;
    for (int o = 0; o < t->outputs; o += t->block) {
        int count = t->outputs - o < t->block ? t->outputs - o : t->block;

        for (int n = 0; n < count; n++)
            sums[n] = 0;
        codes = tabled_sums(codes, values, sums, count, t, o > 0, 1);
        if (scores)
            for (int n = 0; n < count; n++)
                scores[o + n] = score(as_signed(sums[n]), how, o + n);
        else
            y = requantize_row((const int32_t *)sums, y, how, o, how->step, count);
    }
}
