/* Ternary convolutions by tables of sums of up to three inputs, one of each sum and its negative; rows by functions for
   each rounding. The tile is a word of lanes without a sum for each word of an entry, then the entries. */
typedef struct {
    const uint8_t *lists;
    int32_t bytes;  /* of all lists */
    int32_t stride; /* from a row's outputs to the next row's */
    int32_t step;   /* from one segment's entries to the next's, in bytes */
} mirrored_t;

typedef struct {
    int16_t depth;
    int16_t zero, centre; /* of x: what is outside the map; what is taken from every value */
    int16_t inputs, groups;
    int16_t words;      /* of an entry: 2 or 4 */
    int16_t each, size; /* inputs of a group, entries of its table */
} mirrored_shape_t;

typedef void mirrored_rows_t(const uint32_t *tile, int8_t *y, const mirrored_t *m, const lanes_t *how);

#if defined(__thumb__)
/* All entries from the values of groups of 2 or 3, up to the entries' end. */
void NAME_mirror22(const uint32_t *values, uint32_t *entries, const uint32_t *end);
void NAME_mirror24(const uint32_t *values, uint32_t *entries, const uint32_t *end);
void NAME_mirror32(const uint32_t *values, uint32_t *entries, const uint32_t *end);
void NAME_mirror34(const uint32_t *values, uint32_t *entries, const uint32_t *end);

/* values r0, entries r1, their end ip; a sum r4 ... r7 */
#define MIRROR(body) " push {r4-r7, lr}\n mov ip, r2\n5:" body " cmp r1, ip\n beq 6f\n b 5b\n6: pop {r4-r7, pc}\n"
#define PUT4 " stmia r1!, {r4-r7}\n"
#define PUT2 " stmia r1!, {r4, r5}\n"
#define GET4 " ldmia r0!, {r4-r7}\n" PUT4
#define GET2 " ldmia r0!, {r4, r5}\n" PUT2
#define BY2(op) " ldmia r0!, {r2, r3}\n " op " r4, r4, r2\n " op " r5, r5, r3\n" PUT2
#define BY4(op)                                                                                                        \
    " ldmia r0!, {r2, r3}\n " op " r4, r4, r2\n " op " r5, r5, r3\n"                                                   \
    " ldmia r0!, {r2, r3}\n " op " r6, r6, r2\n " op " r7, r7, r3\n" PUT4
#define BACK(bytes) " subs r0, #" bytes "\n"
#define PAST(bytes) " adds r0, #" bytes "\n"
/* a, a - b, b, a + b */
#define TWOS(get, by, one, two) get by("subs") BACK(one) get BACK(two) by("adds") PAST(one)
/* a, + b, + c, - b, - b, - c, - c, + b, + b, - a, + c, + c, - b */
#define THREES(get, by, one, two)                                                                                      \
    get by("adds") by("adds") BACK(two) by("subs") BACK(one) by("subs") by("subs") BACK(one) by("subs") BACK(two)      \
    by("adds") BACK(one) by("adds") BACK(two) by("subs") PAST(one) by("adds") BACK(one) by("adds") BACK(two)           \
    by("subs") PAST(one)
FUNCTION("NAME_mirror22", MIRROR(TWOS(GET2, BY2, "8", "16")));
FUNCTION("NAME_mirror24", MIRROR(TWOS(GET4, BY4, "16", "32")));
FUNCTION("NAME_mirror32", MIRROR(THREES(GET2, BY2, "8", "16")));
FUNCTION("NAME_mirror34", MIRROR(THREES(GET4, BY4, "16", "32")));
#else
KERNEL void NAME_mirror(const uint32_t *values, uint32_t *entries, const uint32_t *end, int each, int words)
{
    static const int8_t twos[][3] = {{1, 0, 0}, {1, -1, 0}, {0, 1, 0}, {1, 1, 0}};
    static const int8_t threes[][3] = {{1, 0, 0},   {1, 1, 0},  {1, 1, 1},  {1, 0, 1},  {1, -1, 1}, {1, -1, 0}, {1, -1, -1},
                                       {1, 0, -1}, {1, 1, -1}, {0, 1, -1}, {0, 1, 0}, {0, 1, 1},  {0, 0, 1}};
    int size = each == 2 ? 4 : 13;

    for (; entries != end; values += each * words)
        for (int n = 0; n < size; n++)
            for (int i = 0; i < words; i++) {
                uint32_t sum = 0;

                for (int k = 0; k < each; k++) {
                    int weight = each == 2 ? twos[n][k] : threes[n][k];

                    sum += values[k * words + i] * (uint32_t)weight;
                }
                *entries++ = sum;
            }
}
#define NAME_mirror22(values, entries, end) NAME_mirror(values, entries, end, 2, 2)
#define NAME_mirror24(values, entries, end) NAME_mirror(values, entries, end, 2, 4)
#define NAME_mirror32(values, entries, end) NAME_mirror(values, entries, end, 3, 2)
#define NAME_mirror34(values, entries, end) NAME_mirror(values, entries, end, 3, 4)

/* What the functions for rows compute. */
KERNEL void mirrored_plain(const uint32_t *tile, int8_t *y, const mirrored_t *m, const lanes_t *how, int words,
                           int segments, int clamped)
{
    const uint8_t *list = m->lists;

    for (const int32_t *rounding = how->rounding; list != m->lists + m->bytes; rounding += 2, y += m->stride) {
        const uint32_t *entries = tile + words;
        uint32_t sums[4];

        for (int i = 0; i < words; i++)
            sums[i] = tile[i];
        for (int n = 0; n < 2 * segments; n++) {
            const uint32_t *entry = entries;
            int count = list[1];

            list += 2;
            for (int k = count - 1; k >= 0; k--) {
                entry += words * list[k];
                for (int i = 0; i < words; i++, entry++)
                    sums[i] += n & 1 ? 0u - *entry : *entry;
            }
            list += count;
            if (n & 1)
                entries += m->step / 4;
        }
        for (int n = 0; n < 2 * words; n++) {
            uint32_t word = sums[n / 4 * 2 + n % 2], sum = n & 2 ? word >> 16 : word & 0xffffu;
            int32_t index = as_signed(sum * (uint32_t)rounding[0] + (uint32_t)rounding[1]) >> how->shift;

            y[n] = how->table[clamped ? (int32_t)limited(index) : index];
        }
    }
}
#endif

KERNEL void mirrored(const int8_t *x, int8_t *y, uint32_t *tile, const mirrored_t *m, const lanes_t *how,
                     const window_t *w, const mirrored_shape_t *s, load_t *load, mirrored_rows_t *rows)
{
    int pixels = w->rows * w->columns, words = s->words;
    uint32_t *entries = tile + words, *end = entries + words * s->groups * s->size, *values = s->each > 1 ? end : entries;

    for (int i = 0; i < words; i++)
        tile[i] = LANES;
    for (int i = words * s->inputs; i < words * s->each * s->groups; i++)
        values[i] = 0;
    for (int at = 0; at < pixels; at += 2 * words) {
        load(x, values, w, s->depth, at, words, s->zero, s->centre);
        if (s->each == 2 && words == 2)
            NAME_mirror22(values, entries, end);
        else if (s->each == 2)
            NAME_mirror24(values, entries, end);
        else if (s->each == 3 && words == 2)
            NAME_mirror32(values, entries, end);
        else if (s->each == 3)
            NAME_mirror34(values, entries, end);
        rows(tile, y + at, m, how);
    }
}

/* The same for rows that are code. */
KERNEL void spelled(const int8_t *x, int8_t *y, uint32_t *tile, const mirrored_t *m, const lanes_t *how,
                    const window_t *w, const mirrored_shape_t *s, load_t *load, mirrored_rows_t *rows)
{
    mirrored(x, y, tile, m, how, w, s, load, rows);
}
