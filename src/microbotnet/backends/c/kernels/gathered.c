/* Linear layers whose rows are places of sums in tables that are made once; rows by functions for each rounding. */
typedef struct {
    const int32_t *rounding; /* a multiplier and an offset a row, or for all; offsets are 128 outputs larger */
    const int8_t *table;
    int32_t outputs;
    const uint16_t *codes; /* in bytes behind the first table */
    int16_t inputs, groups, each;
} gathered_t;

typedef void gathered_rows_t(const uint16_t *codes, const uint32_t *tables, int8_t *y, const gathered_t *m);

/* What those functions compute. */
KERNEL void gathered_plain(const uint16_t *codes, const uint32_t *tables, int8_t *y, const gathered_t *m, int groups,
                           int shift, int alone, int clamped)
{
    const int32_t *rounding = m->rounding;

    for (int row = 0; row < m->outputs; row++, rounding += alone ? 0 : 2) {
        uint32_t sum = 0;
        int32_t index;

        for (int n = 0; n < groups; n++)
            sum += tables[*codes++ / 4];
        index = as_signed(sum * (uint32_t)rounding[0] + (uint32_t)rounding[1]) >> shift;
        *y++ = m->table[clamped ? (int32_t)limited(index) : index];
    }
}

KERNEL void gathered(const int8_t *x, int8_t *y, uint32_t *values, const gathered_t *m, gathered_rows_t *rows)
{
    int count = m->groups * m->each, size = 1;
    uint32_t *tables = values + count, *table = tables;

    for (int n = 0; n < m->each; n++)
        size *= 3;
    for (int i = 0; i < count; i++)
        values[i] = i < m->inputs ? (uint32_t)(int32_t)x[i] : 0;
    for (int n = 0; n < m->groups; n++, table += size, values += m->each)
        NAME_combine1(table, values, m->each);
    rows(m->codes, tables, y, m);
}
