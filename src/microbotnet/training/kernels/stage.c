#include "stage.h"

#define FOR_ACTIVATION(activation, function, ...)                                                                      \
    switch (activation) {                                                                                              \
    case RELU: function(__VA_ARGS__, RELU); break;                                                                     \
    case RELU6: function(__VA_ARGS__, RELU6); break;                                                                   \
    case HARDSWISH: function(__VA_ARGS__, HARDSWISH); break;                                                           \
    default: function(__VA_ARGS__, NONE);                                                                              \
    }

static INLINE void values_by(const float *raw, const float *statistics, const float *gate, size_t pixels, size_t width,
                             float *to, int activation)
{
    const float *scale = statistics + 2 * width, *shift = scale + width;

    for (; pixels; pixels--, raw += width, to += width)
        for (size_t c = 0; c < width; c += LANES) {
            vector value = at(raw + c) * at(scale + c) + at(shift + c);

            if (gate)
                value *= at(gate + c);
            put(to + c, activated(value, activation));
        }
}

void values(const source_t *source, const float *raw, const float *gate, size_t pixels, float *to)
{
    size_t width = whole(source->channels);

    if (source->statistics && gate)
        FOR_ACTIVATION(source->activation, values_by, raw, source->statistics, gate, pixels, width, to)
    else if (source->statistics)
        FOR_ACTIVATION(source->activation, values_by, raw, source->statistics, NULL, pixels, width, to)
    else
        for (; pixels; pixels--, raw += source->channels, to += width)
            with_room(to, raw, source->channels);
}

static INLINE void gradient_by(const float *raw, const float *statistics, const float *gate, const float *grad,
                               size_t pixels, size_t width, float *to, double *sums, float *grad_gate, int activation)
{
    const float *mean = statistics, *scale = statistics + 2 * width, *shift = scale + width;

    for (size_t c = 0; c < width; c += LANES) {
        vector sum = all(0), product = all(0), of_gate = all(0);
        vector factor = at(scale + c), constant = at(shift + c), middle = at(mean + c);

        for (size_t i = c; i < pixels * width; i += width) {
            vector x = at(raw + i), value = x * factor + constant, g;

            if (gate) {
                g = before(value * at(gate + c), at(grad + i), activation);
                of_gate += g * value;
                g *= at(gate + c);
            } else
                g = before(value, at(grad + i), activation);
            put(to + i, g);
            sum += g;
            product += g * (x - middle);
        }
        add(sums + c, sum);
        add(sums + width + c, product);
        if (gate)
            put(grad_gate + c, of_gate);
    }
}

void gradient(const source_t *source, const float *raw, const float *gate, const float *grad, float *to,
                     double *sums, float *grad_gate)
{
    size_t width = whole(source->channels), pixels = source->pixels;

    if (gate)
        FOR_ACTIVATION(source->activation, gradient_by, raw, source->statistics, gate, grad, pixels, width, to, sums,
                       grad_gate)
    else
        FOR_ACTIVATION(source->activation, gradient_by, raw, source->statistics, NULL, grad, pixels, width, to, sums,
                       grad_gate)
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
                sum += behind->grad_means[p * channels + c];
                product += behind->grad_means[p * channels + c] * (behind->means[p * width + c] - mean[c]);
            }
        behind->grad_weight[c] = (float)(product * inverse[c]);
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
        here[c] = all_pictures[c] + rows[c] * behind->grad_means[picture * channels + c] / (float)pixels;
    return here;
}

void differences(const float *rows, const float *constant, const float *grad, const float *raw, size_t pixels,
                 size_t width, float *to)
{
    for (; pixels; pixels--, grad += width, raw += width, to += width)
        for (size_t c = 0; c < width; c += LANES)
            put(to + c, at(grad + c) * at(rows + c) + (at(raw + c) * at(rows + width + c) + at(constant + c)));
}
