/* Depthwise convolution, its gradients included: each is, for every place of a result, a sum of products of two of the
   other tensors' places. Which ones is listed: first[place] … first[place + 1] are the pairs of a place, each with an
   offset in floats into a and one into b. */
#include "vectors.h"

#define MOST 4 /* vectors at a time */

static INLINE void some(const float *a, const float *b, float *y, size_t places, size_t channels,
                        const int32_t *first, const int32_t *pairs, const size_t *channel, int vectors)
{
    for (size_t place = 0; place < places; place++, y += channels) {
        const int32_t *pair = pairs + 2 * first[place], *end = pairs + 2 * first[place + 1];
        vector sum[MOST] = {{0}};

        for (; pair != end; pair += 2)
            for (int v = 0; v < vectors; v++)
                sum[v] += at(a + pair[0] + channel[v]) * at(b + pair[1] + channel[v]);
        for (int v = 0; v < vectors; v++)
            put(y + channel[v], sum[v]);
    }
}

static void of_picture(const float *a, const float *b, float *y, size_t places, size_t channels,
                       const int32_t *first, const int32_t *pairs)
{
    for (size_t begin = 0; begin < channels; begin += MOST * LANES) {
        size_t channel[MOST];

        for (size_t v = 0; v < MOST; v++) { /* the last vector may overlap the one before */
            channel[v] = begin + v * LANES;
            channel[v] = channel[v] + LANES > channels ? channels - LANES : channel[v];
        }
        switch ((channels - begin + LANES - 1) / LANES) {
        case 1: some(a, b, y, places, channels, first, pairs, channel, 1); break;
        case 2: some(a, b, y, places, channels, first, pairs, channel, 2); break;
        case 3: some(a, b, y, places, channels, first, pairs, channel, 3); break;
        default: some(a, b, y, places, channels, first, pairs, channel, MOST);
        }
    }
}

/* x: places_x pixels a picture; weight: taps of all channels each; y: places_y pixels a picture. */
PUBLIC void depthwise(const float *x, const float *weight, float *y, size_t pictures, size_t places_x, size_t places_y,
                      size_t channels, const int32_t *first, const int32_t *pairs)
{
    for (; pictures; pictures--, x += places_x * channels, y += places_y * channels)
        of_picture(x, weight, y, places_y, channels, first, pairs);
}

/* one: room for a picture's gradient, as large as grad_weight; both are taps of all channels each. */
PUBLIC void depthwise_weight(const float *x, const float *grad, float *grad_weight, float *one, size_t pictures,
                             size_t places_x, size_t places_y, size_t taps, size_t channels, const int32_t *first,
                             const int32_t *pairs)
{
    for (size_t i = 0; i < taps * channels; i++)
        grad_weight[i] = 0;
    for (; pictures; pictures--, x += places_x * channels, grad += places_y * channels) {
        of_picture(x, grad, one, taps, channels, first, pairs);
        for (size_t i = 0; i < taps * channels; i++)
            grad_weight[i] += one[i];
    }
}
