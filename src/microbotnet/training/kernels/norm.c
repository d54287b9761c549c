/* Batch norm and the activation behind it: two passes over the memory forward, two back.

   A row is one pixel or two, whichever has whole vectors. Sums over BLOCK rows are of floats, those of blocks of
   doubles. Statistics are arrays of a row each: mean, 1 / deviation, and scale and shift with y = x * scale + shift. */
#include "vectors.h"

#define BLOCK 32

typedef struct {
    size_t rows, row, channels; /* row: floats in one */
} shape_t;

/* Over all rows, of each place in one: values, and values times (x - from). Then each channel has the sum of its own.
   Without grad the values are x - from. */
static INLINE void sums(const float *x, const float *grad, shape_t shape, const float *from, const float *scale,
                        const float *shift, double *sum, double *product, int activation)
{
    for (size_t i = 0; i < shape.row; i++)
        sum[i] = product[i] = 0;
    for (size_t done = 0; done < shape.rows; done += BLOCK) {
        size_t some = shape.rows - done < BLOCK ? shape.rows - done : BLOCK;

        for (size_t i = 0; i < shape.row; i += LANES) {
            vector s = all(0), p = all(0);

            for (size_t r = done; r < done + some; r++) {
                vector raw = at(x + r * shape.row + i), distance = raw - at(from + i), value = distance;

                if (grad)
                    value = before(raw * at(scale + i) + at(shift + i), at(grad + r * shape.row + i), activation);
                s += value;
                p += value * distance;
            }
            for (size_t l = 0; l < LANES; l++) {
                sum[i + l] += s[l];
                product[i + l] += p[l];
            }
        }
    }
    for (size_t i = shape.channels; i < shape.row; i++) {
        sum[i - shape.channels] += sum[i];
        product[i - shape.channels] += product[i];
    }
}

static INLINE void scaled(const float *x, float *y, shape_t shape, const float *scale, const float *shift,
                          int activation)
{
    for (size_t r = 0; r < shape.rows; r++) {
        const float *from = x + r * shape.row;
        float *to = y + r * shape.row;

        for (size_t i = 0; i < shape.row; i += LANES)
            put(to + i, activated(at(from + i) * at(scale + i) + at(shift + i), activation));
    }
}

/* statistics: written. The running ones move towards the batch's by momentum; their variance is the unbiased one. */
PUBLIC void norm_forward(const float *x, float *y, size_t rows, size_t row, size_t channels, const float *weight,
                         const float *bias, float *running_mean, float *running_variance, double momentum,
                         double epsilon, float *statistics, int activation)
{
    shape_t shape = {rows, row, channels};
    float *mean = statistics, *inverse = mean + row, *scale = inverse + row, *shift = scale + row;
    double count = (double)(rows * (row / channels)), sum[row], product[row];

    for (size_t i = 0; i < row; i++)
        mean[i] = x[i % channels]; /* for a beginning: squares of small distances lose nothing */
    sums(x, NULL, shape, mean, NULL, NULL, sum, product, NONE);
    for (size_t i = 0; i < row; i++) {
        size_t c = i % channels;
        double distance = sum[c] / count, middle = x[c] + distance;
        double variance = product[c] / count - distance * distance;

        variance = variance < 0 ? 0 : variance;
        mean[i] = (float)middle;
        inverse[i] = (float)(1 / __builtin_sqrt(variance + epsilon));
        scale[i] = weight[c] * inverse[i];
        shift[i] = (float)(bias[c] - middle * scale[i]);
        if (i < channels) {
            running_mean[c] += (float)(momentum * (middle - running_mean[c]));
            running_variance[c] += (float)(momentum * (variance * count / (count - 1) - running_variance[c]));
        }
    }
    switch (activation) {
    case RELU: scaled(x, y, shape, scale, shift, RELU); break;
    case RELU6: scaled(x, y, shape, scale, shift, RELU6); break;
    case HARDSWISH: scaled(x, y, shape, scale, shift, HARDSWISH); break;
    default: scaled(x, y, shape, scale, shift, NONE);
    }
}

static INLINE void backward(const float *x, const float *grad, float *grad_x, shape_t shape, const float *statistics,
                            float *grad_weight, float *grad_bias, int activation)
{
    const float *mean = statistics, *inverse = mean + shape.row, *scale = inverse + shape.row;
    const float *shift = scale + shape.row;
    double count = (double)(shape.rows * (shape.row / shape.channels)), sum[shape.row], product[shape.row];
    float by_distance[shape.row], constant[shape.row];

    sums(x, grad, shape, mean, scale, shift, sum, product, activation);
    for (size_t i = 0; i < shape.row; i++) {
        size_t c = i % shape.channels;

        grad_weight[c] = (float)(product[c] * inverse[c]);
        grad_bias[c] = (float)sum[c];
        by_distance[i] = (float)(-product[c] / count * inverse[c] * inverse[c] * scale[c]);
        constant[i] = (float)(-sum[c] / count * scale[c]);
    }
    for (size_t r = 0; r < shape.rows; r++)
        for (size_t i = 0; i < shape.row; i += LANES) {
            size_t here = r * shape.row + i;
            vector raw = at(x + here), factor = at(scale + i);
            vector value = before(raw * factor + at(shift + i), at(grad + here), activation);

            put(grad_x + here, value * factor + (raw - at(mean + i)) * at(by_distance + i) + at(constant + i));
        }
}

PUBLIC void norm_backward(const float *x, const float *grad, float *grad_x, size_t rows, size_t row, size_t channels,
                          const float *statistics, float *grad_weight, float *grad_bias, int activation)
{
    shape_t shape = {rows, row, channels};

    switch (activation) {
    case RELU: backward(x, grad, grad_x, shape, statistics, grad_weight, grad_bias, RELU); break;
    case RELU6: backward(x, grad, grad_x, shape, statistics, grad_weight, grad_bias, RELU6); break;
    case HARDSWISH: backward(x, grad, grad_x, shape, statistics, grad_weight, grad_bias, HARDSWISH); break;
    default: backward(x, grad, grad_x, shape, statistics, grad_weight, grad_bias, NONE);
    }
}
