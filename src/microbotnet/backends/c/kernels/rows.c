/* Requantized sums of `count` channels, or of one channel; returns what is behind the outputs. */
KERNEL int8_t *requantize_row(const int32_t *sums, int8_t *y, const requantize_t *how, int channel, int step, int count)
{
    shift_t shift = {0, (1u << how->pre_shift) - 1, how->pre_shift, 0, how->shift, how->table, 0, 0};

    if (step) {
        for (int n = 0; n < count; n++)
            *y++ = requantize(sums[n], how, channel + n);
        return y;
    }
    shift.multiplier = how->multiplier[how->step * channel];
    shift.offset = (uint32_t)how->offset[how->step * channel];
    if (how->pre_shift)
        NAME_shift_sums(sums, y, count, &shift);
    else {
        scale_t scale = {shift.multiplier, shift.offset + (128u << how->shift), how->shift, how->table};

        NAME_scale_sums(sums, y, count, &scale);
    }
    return y + count;
}

