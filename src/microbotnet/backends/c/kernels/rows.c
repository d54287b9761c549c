/* Requantized sums of neighbouring channels; returns what is behind the outputs. */
KERNEL int8_t *requantize_row(const int32_t *sums, int8_t *y, const requantize_t *how, int channel, int count)
{
    if (how->pre_shift || how->step)
        for (int n = 0; n < count; n++)
            *y++ = requantize(sums[n], how, channel + n);
    else {
        scale_t scale = {*how->multiplier, (uint32_t)*how->offset + (128u << how->shift), how->shift, how->table};

        NAME_scale_sums(sums, y, count, &scale);
        y += count;
    }
    return y;
}

