/* Squeeze-and-excite (stage.h): the gate of each picture, and its gradients. Pictures are rows, with room. */
#include "matrix.h"
#include "stage.h"

/* to: rows × columns, with room, of a matrix that is, or whose transpose is, dense. */
static void padded(const float *from, size_t rows, size_t columns, size_t down, size_t right, float *to)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < whole(columns); c++)
            to[r * whole(columns) + c] = c < columns ? from[r * down + c * right] : 0;
}

static void fill(float *to, size_t rows, size_t columns, const float *bias)
{
    for (size_t r = 0; r < rows; r++, to += whole(columns))
        if (bias)
            with_room(to, bias, 1, columns);
        else
            memset(to, 0, whole(columns) * sizeof *to);
}

static void see(const float *x, size_t rows, size_t columns, rounding_t *to, look_t *look)
{
    float ends[2] = {x[0], x[0]};

    if (!look || !to->point)
        return;
    for (size_t r = 0; r < rows; r++)
        widen(ends, x + r * whole(columns), columns);
    look(to->point, ends[0], ends[1], to);
}

static INLINE vector rounded_there(vector x, const rounding_t *to)
{
    return to->step ? rounded(x, to) : x;
}

static INLINE vector inside_there(vector x, vector grad, const rounding_t *to)
{
    return to->step ? inside(x, grad, to) : grad;
}

static INLINE vector hardsigmoid(vector x)
{
    return bounded(x + 3, 0, 6) * (1.0f / 6);
}

/* Over each picture, of values that have no gate. */
static void averages(const source_t *made, float *room, float *to)
{
    size_t width = whole(made->channels), pixels = made->pixels;

    for (size_t p = 0; p < made->pictures; p++, to += width) {
        values(made, made->raw + p * pixels * width, NULL, pixels, room);
        for (size_t c = 0; c < width; c += LANES) {
            vector total = all(0);

            for (size_t i = c; i < pixels * width; i += width)
                total += at(room + i);
            put(to + c, total * (1.0f / pixels));
        }
    }
}

int squeeze_excite(const source_t *made, excite_t *e, float *gate, look_t *look)
{
    size_t pictures = made->pictures, channels = made->channels, width = whole(channels), squeeze = e->squeeze;
    size_t narrow = whole(squeeze), all_wide = pictures * width, all_narrow = pictures * narrow;
    const float *scale = made->statistics + 2 * width, *shift = scale + width;
    float *room = malloc((all_wide + all_narrow + channels * narrow + squeeze * width + made->pixels * width) * 4);
    float *pooled = room, *rectified = pooled + all_wide, *first = rectified + all_narrow;
    float *second = first + channels * narrow, *picture = second + squeeze * width;

    if (!room)
        return 0;
    if (e->means)
        for (size_t i = 0; i < all_wide; i += LANES)
            put(e->averages + i, at(e->means + i) * at(scale + i % width) + at(shift + i % width));
    else
        averages(made, picture, e->averages);
    see(e->averages, pictures, channels, &e->pool, look);
    for (size_t i = 0; i < all_wide; i += LANES)
        put(pooled + i, rounded_there(at(e->averages + i), &e->pool));

    padded(e->first, channels, squeeze, 1, channels, first);
    fill(e->sums, pictures, squeeze, e->first_bias);
    product(pooled, width, 1, first, narrow, e->sums, narrow, pictures, narrow, channels, 1);
    see(e->sums, pictures, squeeze, &e->hidden, look);
    for (size_t i = 0; i < all_narrow; i += LANES)
        put(rectified + i, activated(rounded_there(at(e->sums + i), &e->hidden), RELU));
    see(rectified, pictures, squeeze, &e->rectified, look);
    for (size_t i = 0; i < all_narrow; i += LANES)
        put(rectified + i, rounded_there(at(rectified + i), &e->rectified));

    padded(e->second, squeeze, channels, 1, squeeze, second);
    fill(e->indices, pictures, channels, e->second_bias);
    product(rectified, narrow, 1, second, width, e->indices, width, pictures, width, squeeze, 1);
    see(e->indices, pictures, channels, &e->index, look);
    for (size_t i = 0; i < all_wide; i += LANES)
        put(gate + i, hardsigmoid(rounded_there(at(e->indices + i), &e->index)));
    see(gate, pictures, channels, &e->excited, look);
    for (size_t i = 0; i < all_wide; i += LANES)
        put(gate + i, rounded_there(at(gate + i), &e->excited));
    free(room);
    return 1;
}

/* The gradients of a linear layer's weight and bias; either may be NULL. room: for outputs × inputs, with room. */
static void of_layer(const float *grad, const float *x, size_t pictures, size_t outputs, size_t inputs, float *room,
                     float *weight, float *bias)
{
    size_t width = whole(outputs);

    if (weight) {
        product(grad, 1, width, x, whole(inputs), room, whole(inputs), outputs, whole(inputs), pictures, 0);
        dense(weight, room, NULL, outputs, inputs);
    }
    for (size_t o = 0; bias && o < outputs; o++) {
        double sum = 0;

        for (size_t p = 0; p < pictures; p++)
            sum += grad[p * width + o];
        bias[o] = (float)sum;
    }
}

/* Adds to the gradients of values what comes by their averages. */
static void averages_backward(const source_t *made, const float *grad_averages, const gradient_t *to, double *sums,
                              float *room)
{
    size_t width = whole(made->channels), pixels = made->pixels;
    float *more = room + pixels * width;

    memset(sums, 0, 2 * width * sizeof *sums);
    for (size_t p = 0; p < made->pictures; p++, grad_averages += width) {
        float *raw = to->raw + p * pixels * width;

        for (size_t i = 0; i < pixels; i++)
            for (size_t c = 0; c < width; c += LANES)
                put(room + i * width + c, at(grad_averages + c) * (1.0f / pixels));
        gradient(made, made->raw + p * pixels * width, NULL, room, more, sums, NULL, NULL);
        for (size_t i = 0; i < pixels * width; i += LANES)
            put(raw + i, at(raw + i) + at(more + i));
    }
    for (size_t i = 0; i < 2 * width; i++)
        to->statistics[i] += (float)sums[i];
}

int squeeze_excite_backward(const source_t *made, const excite_t *e, const gradient_t *grad, float *grad_means)
{
    size_t pictures = made->pictures, channels = made->channels, width = whole(channels), squeeze = e->squeeze;
    size_t narrow = whole(squeeze), all_wide = pictures * width, all_narrow = pictures * narrow;
    size_t kernel = channels * narrow > squeeze * width ? channels * narrow : squeeze * width;
    double *sums = malloc(16 * width + 4 * (2 * all_wide + 2 * all_narrow + 2 * kernel + 2 * made->pixels * width));
    float *of_index = (float *)(sums + 2 * width), *pooled = of_index + all_wide, *squeezed = pooled + all_wide;
    float *of_sum = squeezed + all_narrow, *weight = of_sum + all_narrow, *room = weight + kernel;
    float *picture = room + kernel;

    if (!sums)
        return 0;
    for (size_t i = 0; i < all_wide; i += LANES) {
        vector index = at(e->indices + i), x = rounded_there(index, &e->index);
        vector g = inside_there(hardsigmoid(x), at(grad->gate + i), &e->excited);

        g = where((x > -3) & (x < 3), g * (1.0f / 6), all(0));
        put(of_index + i, inside_there(index, g, &e->index));
        put(pooled + i, rounded_there(at(e->averages + i), &e->pool));
    }
    for (size_t i = 0; i < all_narrow; i += LANES)
        put(squeezed + i,
            rounded_there(activated(rounded_there(at(e->sums + i), &e->hidden), RELU), &e->rectified));
    of_layer(of_index, squeezed, pictures, channels, squeeze, room, e->grad_second, e->grad_second_bias);
    padded(e->second, channels, squeeze, squeeze, 1, weight);
    product(of_index, width, 1, weight, narrow, of_sum, narrow, pictures, narrow, channels, 0);
    for (size_t i = 0; i < all_narrow; i += LANES) {
        vector sum = at(e->sums + i), rectified = activated(rounded_there(sum, &e->hidden), RELU);
        vector g = inside_there(rectified, at(of_sum + i), &e->rectified);

        put(of_sum + i, inside_there(sum, before(rectified, g, RELU), &e->hidden));
    }
    of_layer(of_sum, pooled, pictures, squeeze, channels, room, e->grad_first, e->grad_first_bias);
    padded(e->first, squeeze, channels, channels, 1, weight);
    product(of_sum, narrow, 1, weight, width, grad_means, width, pictures, width, squeeze, 0);
    for (size_t i = 0; i < all_wide; i += LANES)
        put(grad_means + i, inside_there(at(e->averages + i), at(grad_means + i), &e->pool));
    if (!e->means) {
        source_t before_gate = *made;

        before_gate.activation = NONE;
        before_gate.gated.step = before_gate.activated.step = 0;
        averages_backward(&before_gate, grad_means, grad, sums, picture);
    }
    free(sums);
    return 1;
}
