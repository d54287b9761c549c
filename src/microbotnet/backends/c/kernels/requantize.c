/* From a sum to an output's integer; see Requantize in microbotnet's integer/program.py. */
typedef struct {
    const int16_t *multiplier; /* one a channel, or one for all */
    const int32_t *offset;
    const int8_t *table; /* 256 outputs, or none */
    int16_t low, high;
    uint8_t pre_shift, shift;
    uint8_t step; /* 1: one multiplier and offset a channel; 0: one for all */
} requantize_t;

static INLINE int16_t requantize(int32_t sum, const requantize_t *how, int channel)
{
    int at = how->step * channel;
    int32_t y = ((sum >> how->pre_shift) * how->multiplier[at] + how->offset[at]) >> how->shift;

    y = y < how->low ? how->low : y > how->high ? how->high : y;
    return how->table ? how->table[y + 128] : (int16_t)y;
}
