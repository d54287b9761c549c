/* Linear layers whose inputs are added by classes of their weights. */
#if defined(__thumb__)
/* sums[class] = what its second list names, less what its first does, of `count` classes; returns what is behind. */
const uint16_t *NAME_classes(const uint16_t *list, const int8_t *entries, int32_t *sums, int count);

/* list r0, its end r5, sum r4 */
#define ONE(at) " ldrh r6, [r0, #" at "]\n ldrsb r6, [r1, r6]\n adds r4, r4, r6\n"
#define NAMED                                                                                                          \
    " ldrh r5, [r0]\n adds r0, #2\n lsls r5, r5, #1\n adds r5, r5, r0\n cmp r0, r5\n beq 2f\n"                         \
    "1:" ONE("0") ONE("2") ONE("4") ONE("6") ONE("8") ONE("10") ONE("12") ONE("14")                                    \
    " adds r0, #16\n cmp r0, r5\n bne 1b\n2:\n"
FUNCTION("NAME_classes", " push {r4-r6, lr}\n5: movs r4, #0\n" NAMED " rsbs r4, r4, #0\n" NAMED
                         " stmia r2!, {r4}\n subs r3, #1\n bne 5b\n pop {r4-r6, pc}\n");
#else
KERNEL const uint16_t *NAME_classes(const uint16_t *list, const int8_t *entries, int32_t *sums, int count)
{
    for (; count; count--, sums++) {
        *sums = 0;
        for (int sign = -1; sign < 2; sign += 2)
            for (int left = *list++; left; left--)
                *sums += sign * entries[*list++];
    }
    return list;
}
#endif

typedef struct {
    const uint16_t *lists;
    const int8_t *signs; /* of a group's outputs, class by class */
    int32_t inputs, outputs;
    int16_t together, classes;
} classed_t;

KERNEL void classed(const int8_t *x, int8_t *y, int16_t *scores, int8_t *entries, const requantize_t *how,
                    const classed_t *m)
{
    int32_t *sums = (int32_t *)(void *)(entries + ((m->inputs + 4) & ~3)), *made = sums + m->classes;
    const uint16_t *list = m->lists;

    entries[0] = 0;
    for (int i = 0; i < m->inputs; i++)
        entries[i + 1] = x[i];
    for (int o = 0; o < m->outputs; o += m->together) {
        const int8_t *sign = m->signs;

        list = NAME_classes(list, entries, sums, m->classes);
        for (int n = 0; n < m->together; n++)
            made[o + n] = 0;
        for (int c = 0; c < m->classes; c++)
            for (int n = 0; n < m->together; n++)
                made[o + n] += sums[c] * *sign++;
    }
    if (scores)
        for (int n = 0; n < m->outputs; n++)
            scores[n] = score(made[n], how, n);
    else
        requantize_row(made, y, how, 0, how->step, m->outputs);
}
