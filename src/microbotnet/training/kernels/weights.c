/* The quantized weights of a network, all in one call, by the rules of quant/ternary.py, ttq.py and uniform.py. */
#include <string.h>

#include "vectors.h"

enum { SIGNS, SCALED_SIGNS, ABSMEAN, UNIFORM, TTQ };

typedef struct {
    int rule, by_mean;                 /* by_mean: the cutoff is a share of the mean magnitude, else of the largest */
    float share;                       /* of UNIFORM: the largest integer */
    size_t rows, row;                  /* the weights are rows × row; of UNIFORM each row has a scale */
    const float *weight;
    float *to;                         /* written */
    const float *positive, *negative;  /* TTQ's scales */
    float *cutoff;                     /* of TTQ: written */
} kernel_t;

typedef struct {
    float direction;                   /* the sign of the gradient of the negative scale */
    size_t size;
    const float *cutoff, *weight, *positive, *negative, *grad;
    float *to, *grad_positive, *grad_negative;
} gradient_t;

/* A vector's worth, zeros behind the last. */
static INLINE vector some(const float *x, size_t left)
{
    vector values = {0};

    if (left >= LANES)
        return at(x);
    memcpy(&values, x, left * sizeof *x);
    return values;
}

static INLINE void put_some(float *to, vector values, size_t left)
{
    if (left >= LANES)
        put(to, values);
    else
        memcpy(to, &values, left * sizeof *to);
}

static INLINE vector magnitude(vector x)
{
    return where(x < 0, -x, x);
}

static INLINE double total(const wide *sums)
{
    double sum = 0;

    for (int l = 0; l < LANES; l++)
        sum += (*sums)[l];
    return sum;
}

static float largest(const float *x, size_t size)
{
    vector most = {0};
    float found = 0;

    for (size_t i = 0; i < size; i += LANES) {
        vector here = magnitude(some(x + i, size - i));

        most = where(here > most, here, most);
    }
    for (int l = 0; l < LANES; l++)
        found = most[l] > found ? most[l] : found;
    return found;
}

static float mean(const float *x, size_t size)
{
    wide sums = {0};

    for (size_t i = 0; i < size; i += LANES)
        sums += __builtin_convertvector(magnitude(some(x + i, size - i)), wide);
    return (float)(total(&sums) / size);
}

static float cutoff_of(const kernel_t *k)
{
    size_t size = k->rows * k->row;

    return k->share * (k->by_mean ? mean(k->weight, size) : largest(k->weight, size));
}

/* What is above the cutoff, what is below its opposite, and what is between. */
static INLINE vector sorted(vector x, float cutoff, vector above, vector below, vector between)
{
    return where(x > cutoff, above, where(x < -cutoff, below, between));
}

static void split(const kernel_t *k, float cutoff, float above, float below)
{
    size_t size = k->rows * k->row;

    for (size_t i = 0; i < size; i += LANES)
        put_some(k->to + i, sorted(some(k->weight + i, size - i), cutoff, all(above), all(below), all(0)), size - i);
}

/* The mean magnitude of what is beyond the cutoff. */
static float scale_of(const kernel_t *k, float cutoff)
{
    size_t size = k->rows * k->row;
    wide sums = {0}, counts = {0};
    double count;

    for (size_t i = 0; i < size; i += LANES) {
        vector x = some(k->weight + i, size - i), sign = sorted(x, cutoff, all(1), all(-1), all(0));

        sums += __builtin_convertvector(x * sign, wide);
        counts += __builtin_convertvector(sign * sign, wide);
    }
    count = total(&counts);
    return (float)(total(&sums) / (count > 1 ? count : 1));
}

#define TINY 1.17549435e-38f /* the least normal number: a scale of zeros */

/* Multiples of the scale to ±most. */
static void rounded(const float *x, float *to, size_t size, float scale, float most)
{
    scale = scale > TINY ? scale : TINY;
    for (size_t i = 0; i < size; i += LANES)
        put_some(to + i, nearest(bounded(some(x + i, size - i) / scale, -most, most)) * scale, size - i);
}

PUBLIC int quantize_weights(const kernel_t *k, size_t kernels)
{
    for (; kernels; kernels--, k++) {
        float cutoff = k->rule == ABSMEAN || k->rule == UNIFORM ? 0 : cutoff_of(k);

        switch (k->rule) {
        case SIGNS: split(k, cutoff, 1, -1); break;
        case SCALED_SIGNS: {
            float scale = scale_of(k, cutoff);

            split(k, cutoff, scale, -scale);
            break;
        }
        case ABSMEAN: rounded(k->weight, k->to, k->rows * k->row, mean(k->weight, k->rows * k->row), 1); break;
        case UNIFORM:
            for (size_t r = 0; r < k->rows; r++) {
                const float *row = k->weight + r * k->row;

                rounded(row, k->to + r * k->row, k->row, largest(row, k->row) / k->share, k->share);
            }
            break;
        default:
            *k->cutoff = cutoff;
            split(k, cutoff, *k->positive > cutoff ? *k->positive : cutoff,
                  *k->negative > cutoff ? -*k->negative : -cutoff);
        }
    }
    return 1;
}

/* Of TTQ: the gradients of the weights and of both scales; one under the cutoff has only what raises it. */
PUBLIC int quantize_weights_backward(const gradient_t *g, size_t kernels)
{
    for (; kernels; kernels--, g++) {
        float cutoff = *g->cutoff, positive = *g->positive, negative = *g->negative;
        vector up = all(positive > cutoff ? positive : cutoff), down = all(negative > cutoff ? negative : cutoff);
        wide above = {0}, below = {0};

        for (size_t i = 0; i < g->size; i += LANES) {
            vector x = some(g->weight + i, g->size - i), grad = some(g->grad + i, g->size - i);

            above += __builtin_convertvector(sorted(x, cutoff, grad, all(0), all(0)), wide);
            below += __builtin_convertvector(sorted(x, cutoff, all(0), grad, all(0)), wide);
            put_some(g->to + i, grad * sorted(x, cutoff, up, down, all(1)), g->size - i);
        }
        *g->grad_positive = (float)total(&above);
        *g->grad_negative = g->direction * (float)total(&below);
        if (positive < cutoff && *g->grad_positive > 0)
            *g->grad_positive = 0;
        if (negative < cutoff && *g->grad_negative > 0)
            *g->grad_negative = 0;
    }
    return 1;
}
