/* From a sum to an output; see Requantize in microbotnet's integer/program.py. Every output goes through a table, which
   holds the clamp, too: y = table[128 + clamp(((sum >> pre_shift) * multiplier + offset) >> shift, -128, 127)]. Scores,
   of 16 bits, have no table: theirs is clamped to low ... high. */
typedef struct {
    const int32_t *multiplier; /* one a channel, or one for all */
    const int32_t *offset;
    const int8_t *table;
    int16_t low, high;
    uint8_t pre_shift, shift;
    uint8_t step; /* 1: a multiplier and an offset a channel; 0: one for all */
} requantize_t;

static INLINE uint32_t saturated(int32_t y)
{
    uint32_t index = (uint32_t)y + 128;

    if (index > 255)
        index = y < 0 ? 0 : 255;
    return index;
}

static INLINE int32_t scaled(int32_t sum, const requantize_t *how, int at)
{
    uint32_t multiplier = (uint32_t)how->multiplier[at];
    uint32_t rest = (uint32_t)sum & ((1u << how->pre_shift) - 1); /* the product keeps what its lowest bits add */
    uint32_t product = (uint32_t)(sum >> how->pre_shift) * multiplier
                       + (uint32_t)(as_signed(rest * multiplier) >> how->pre_shift);

    return as_signed(product + (uint32_t)how->offset[at]) >> how->shift;
}

static INLINE int8_t requantize(int32_t sum, const requantize_t *how, int channel)
{
    return how->table[saturated(scaled(sum, how, how->step * channel))];
}

static INLINE int16_t score(int32_t sum, const requantize_t *how, int channel)
{
    int32_t y = scaled(sum, how, how->step * channel);

    return (int16_t)(y < how->low ? how->low : y > how->high ? how->high : y);
}

