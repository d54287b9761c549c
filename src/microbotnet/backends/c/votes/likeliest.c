/* The first class of the largest score. */
static uint32_t likeliest(const int16_t *scores)
{
    uint32_t best = 0;

    for (uint32_t i = 1; i < CLASSES; i++)
        if (scores[i] > scores[best])
            best = i;
    return best;
}
