#include "stage.h"

#define FOR_ACTIVATION(activation, function, ...)                                                                      \
    switch (activation) {                                                                                              \
    case RELU: function(__VA_ARGS__, RELU); break;                                                                     \
    case RELU6: function(__VA_ARGS__, RELU6); break;                                                                   \
    case HARDSWISH: function(__VA_ARGS__, HARDSWISH); break;                                                           \
    default: function(__VA_ARGS__, NONE);                                                                              \
    }

/* What is rounded; with SOME it is seen at each value, which is slower. */
enum { NORMED = 1, GATED = 2, ACTIVATED = 4, SOME = 8 };

static int rounds(const source_t *source)
{
    return (source->normed.step ? NORMED : 0) | (source->gated.step ? GATED : 0) |
           (source->activated.step ? ACTIVATED : 0);
}

#define FOR_ROUNDS(source, gate, function, ...)                                                                        \
    switch (rounds(source) + (gate ? 16 : 0)) {                                                                        \
    case 0: FOR_ACTIVATION((source)->activation, function, __VA_ARGS__, NULL, 0) break;                                \
    case 16: FOR_ACTIVATION((source)->activation, function, __VA_ARGS__, gate, 0) break;                               \
    case NORMED: FOR_ACTIVATION((source)->activation, function, __VA_ARGS__, NULL, NORMED) break;                      \
    case ACTIVATED: FOR_ACTIVATION((source)->activation, function, __VA_ARGS__, NULL, ACTIVATED) break;                \
    case NORMED + ACTIVATED: FOR_ACTIVATION((source)->activation, function, __VA_ARGS__, NULL, NORMED + ACTIVATED)     \
        break;                                                                                                         \
    case 16 + NORMED + GATED + ACTIVATED:                                                                              \
        FOR_ACTIVATION((source)->activation, function, __VA_ARGS__, gate, NORMED + GATED + ACTIVATED) break;           \
    default: FOR_ACTIVATION((source)->activation, function, __VA_ARGS__, gate, SOME)                                   \
    }

static INLINE vector rounded_if(int when, int rounds, vector x, const rounding_t *to)
{
    return rounds & when || (rounds & SOME && to->step) ? rounded(x, to) : x;
}

static INLINE vector inside_if(int when, int rounds, vector x, vector grad, const rounding_t *to)
{
    return rounds & when || (rounds & SOME && to->step) ? inside(x, grad, to) : grad;
}

static INLINE void values_by(const source_t *source, const float *raw, size_t pixels, size_t width, float *to,
                             const float *gate, int rounds, int activation)
{
    const float *scale = source->statistics + 2 * width, *shift = scale + width;
    rounding_t normed = source->normed, gated = source->gated, last = source->activated;

    for (; pixels; pixels--, raw += width, to += width)
        for (size_t c = 0; c < width; c += LANES) {
            vector value = at(raw + c) * at(scale + c) + at(shift + c);

            value = rounded_if(NORMED, rounds, value, &normed);
            if (gate)
                value = rounded_if(GATED, rounds, value * at(gate + c), &gated);
            put(to + c, rounded_if(ACTIVATED, rounds, activated(value, activation), &last));
        }
}

void values(const source_t *source, const float *raw, const float *gate, size_t pixels, float *to)
{
    size_t width = whole(source->channels);

    if (source->statistics)
        FOR_ROUNDS(source, gate, values_by, source, raw, pixels, width, to)
    else
        with_room(to, raw, pixels, source->channels);
}

/* Of so many vectors of each pixel, from channel c on. */
static INLINE void gradient_of(const source_t *source, const float *raw, const float *grad, size_t width, float *to,
                               double *sums, float *grad_gate, const rows_t *made, const float *gate, int rounds,
                               int activation, size_t c, int vectors)
{
    const float *mean = source->statistics + c, *scale = mean + 2 * width, *shift = scale + width;
    rounding_t normed = source->normed, gated = source->gated, last = source->activated;
    size_t columns = made ? made->columns : source->pixels;
    float *write = made ? made->to + c : NULL;
    vector sum[2] = {{0}}, product[2] = {{0}}, of_gate[2] = {{0}};

    for (size_t done = 0; done < source->pixels; done += columns) {
        for (size_t i = done * width + c; i < (done + columns) * width; i += width) {
#pragma GCC unroll 2
            for (int j = 0; j < vectors; j++) {
                vector x = at(raw + i + j * LANES), g = at(grad + i + j * LANES);
                vector first = x * at(scale + j * LANES) + at(shift + j * LANES);
                vector value = rounded_if(NORMED, rounds, first, &normed), gated_value = value, index = value, result;

                if (gate) {
                    gated_value = value * at(gate + c + j * LANES);
                    index = rounded_if(GATED, rounds, gated_value, &gated);
                }
                result = activated(index, activation);
                if (write)
                    put(write + j * LANES, rounded_if(ACTIVATED, rounds, result, &last));
                g = before(index, inside_if(ACTIVATED, rounds, result, g, &last), activation);
                if (gate) {
                    g = inside_if(GATED, rounds, gated_value, g, &gated);
                    of_gate[j] += g * value;
                    g *= at(gate + c + j * LANES);
                }
                g = inside_if(NORMED, rounds, first, g, &normed);
                put(to + i + j * LANES, g);
                sum[j] += g;
                product[j] += g * (x - at(mean + j * LANES));
            }
            if (write)
                write += width;
        }
        if (write)
            write += made->gap;
    }
    for (int j = 0; j < vectors; j++, c += LANES) {
        add(sums + c, sum[j]);
        add(sums + width + c, product[j]);
        if (gate)
            put(grad_gate + c, of_gate[j]);
    }
}

static INLINE void gradient_by(const source_t *source, const float *raw, const float *grad, size_t width, float *to,
                               double *sums, float *grad_gate, const rows_t *made, const float *gate, int rounds,
                               int activation)
{
    size_t c = 0;

    for (; c + 2 * LANES <= width; c += 2 * LANES)
        gradient_of(source, raw, grad, width, to, sums, grad_gate, made, gate, rounds, activation, c, 2);
    if (c < width)
        gradient_of(source, raw, grad, width, to, sums, grad_gate, made, gate, rounds, activation, c, 1);
}

void gradient(const source_t *source, const float *raw, const float *gate, const float *grad, float *to, double *sums,
              float *grad_gate, const rows_t *made)
{
    size_t width = whole(source->channels);

    FOR_ROUNDS(source, gate, gradient_by, source, raw, grad, width, to, sums, grad_gate, made)
}

void hand_back(const source_t *source, size_t picture, const float *grad, const gradient_t *to, double *sums,
               const rows_t *made)
{
    size_t here = picture * source->pixels * pixel_of(source);

    if (source->statistics)
        gradient(source, source->raw + here, gate_of(source, picture), grad, to->raw + here, sums,
                 source->gate ? to->gate + picture * whole(source->channels) : NULL, made);
    else
        dense(to->raw + here, grad, to->added ? to->added + here : NULL, source->pixels, source->channels);
}

void hand_back_sums(const source_t *source, const double *sums, const gradient_t *to)
{
    for (size_t i = 0; to->raw && source->statistics && i < 2 * whole(source->channels); i++)
        to->statistics[i] = (float)sums[i];
}

void tally(const float *raw, size_t pixels, size_t width, const float *pivot, double *totals, float *means)
{
    for (size_t c = 0; c < width; c += LANES) {
        vector sum = all(0), square = all(0), from = at(pivot + c);

        for (size_t i = c; i < pixels * width; i += width) {
            vector distance = at(raw + i) - from;

            sum += distance;
            square += distance * distance;
        }
        add(totals + c, sum);
        add(totals + width + c, square);
        if (means)
            put(means + c, from + sum * (1.0f / pixels));
    }
}

void settle(const norm_t *norm, const float *pivot, const double *totals, size_t count)
{
    size_t width = whole(norm->channels);
    float *mean = norm->statistics, *inverse = mean + width, *scale = inverse + width, *shift = scale + width;

    memset(norm->statistics, 0, 4 * width * sizeof(float));
    for (size_t c = 0; c < norm->channels; c++) {
        double distance = totals[c] / count, middle = pivot[c] + distance;
        double variance = totals[width + c] / count - distance * distance;

        variance = variance < 0 ? 0 : variance;
        mean[c] = (float)middle;
        inverse[c] = (float)(1 / __builtin_sqrt(variance + norm->epsilon));
        scale[c] = norm->weight[c] * inverse[c];
        shift[c] = (float)(norm->bias[c] - middle * scale[c]);
        norm->running_mean[c] += (float)(norm->momentum * (middle - norm->running_mean[c]));
        norm->running_variance[c] += (float)(norm->momentum * (variance * count / (count - 1) - norm->running_variance[c]));
    }
}

void behind_norm(const behind_t *behind, size_t pictures, size_t pixels, float *rows)
{
    size_t width = whole(behind->channels), channels = behind->channels;
    const float *mean = behind->statistics, *inverse = mean + width, *scale = inverse + width;
    double count = (double)(pictures * pixels);

    memset(rows, 0, 4 * width * sizeof *rows);
    for (size_t c = 0; c < channels; c++) {
        double sum = behind->grad_statistics[c], product = behind->grad_statistics[width + c];

        if (behind->grad_means)
            for (size_t p = 0; p < pictures; p++) {
                sum += behind->grad_means[p * width + c];
                product += behind->grad_means[p * width + c] * (behind->means[p * width + c] - mean[c]);
            }
        if (behind->grad_weight)
            behind->grad_weight[c] = (float)(product * inverse[c]);
        if (behind->grad_bias)
            behind->grad_bias[c] = (float)sum;
        product *= (double)inverse[c] * inverse[c];
        rows[c] = scale[c];
        rows[width + c] = (float)(-product / count * scale[c]);
        rows[2 * width + c] = (float)((product * mean[c] - sum) / count * scale[c]);
    }
}

const float *constant_of(const behind_t *behind, size_t picture, size_t pixels, float *rows)
{
    size_t width = whole(behind->channels), channels = behind->channels;
    const float *all_pictures = rows + 2 * width;
    float *here = rows + 3 * width;

    if (!behind->grad_means)
        return all_pictures;
    for (size_t c = 0; c < channels; c++)
        here[c] = all_pictures[c] + rows[c] * behind->grad_means[picture * width + c] / (float)pixels;
    return here;
}

void differences(const float *rows, const float *constant, const float *grad, const float *raw, size_t pixels,
                 size_t width, float *to)
{
    for (; pixels; pixels--, grad += width, raw += width, to += width)
        for (size_t c = 0; c < width; c += LANES)
            put(to + c, at(grad + c) * at(rows + c) + (at(raw + c) * at(rows + width + c) + at(constant + c)));
}
