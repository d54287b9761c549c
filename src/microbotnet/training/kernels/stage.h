/* A stage is a convolution and the batch norm behind it. Memory keeps what the convolution made, raw; batch norm, gate
   and activation are done where values are read, picture by picture, and again for the gradient.

   A raw pixel has room for whole vectors: behind its channels are zeros. Statistics of a batch norm are four rows of a
   pixel's size: mean, 1 / deviation, and scale and shift with y = x · scale + shift. Gradients of them are two: the sum
   over all pixels of the gradient g before the batch norm, and that of g · (x − mean). */
#include <stdlib.h>
#include <string.h>

#include "vectors.h"

/* To the nearest multiple of step within low…high, and no gradient outside; a step of 0 stands for none. */
typedef struct {
    float low, high, step, inverse; /* 1 / step */
    int point;                      /* its number; 0 where nothing is ever rounded */
} rounding_t;

/* Sets the rounding at a point by the lowest and the highest value there. */
typedef void look_t(int point, float low, float high, rounding_t *to);

typedef struct {
    const float *raw;        /* pictures × pixels × channels */
    const float *statistics; /* NULL: the values are raw's own, without room behind their channels */
    const float *gate;       /* pictures × channels, with room, of a factor each; or NULL */
    size_t pictures, pixels, channels;
    int activation;
    rounding_t normed, gated, activated; /* of what is behind the batch norm, the gate and the activation */
} source_t;

typedef struct {
    size_t channels;
    const float *weight, *bias;
    float *running_mean, *running_variance;
    double momentum, epsilon;
    float *raw, *statistics; /* written */
    float *means;            /* of raw over each picture: pictures × channels, written; or NULL */
} norm_t;

typedef struct {
    size_t channels;
    const float *raw, *statistics, *means;           /* as the stage left them */
    const float *grad, *grad_statistics;             /* grad: before the batch norm, of raw's shape */
    const float *grad_means;                         /* of the batch norm's means: pictures × channels; or NULL */
    float *grad_weight, *grad_bias;                  /* of the batch norm, written; or NULL */
} behind_t;

typedef struct {
    float *raw, *statistics, *gate; /* those of a source's; NULL where they are not wanted */
    const float *added;             /* to raw's, where the source has no batch norm; or NULL */
} gradient_t;

/* A map, and a convolution of it. */
typedef struct {
    size_t height, width, kernel, stride, padding;
} shape_t;

/* Squeeze-and-excite: the averages of each picture, a linear layer to `squeeze` channels, ReLU, one back, h-sigmoid. */
typedef struct {
    size_t squeeze; /* 0: there is none */
    const float *first, *first_bias, *second, *second_bias; /* squeeze × channels, squeeze, channels × squeeze, channels;
                                                               a bias may be NULL */
    rounding_t pool, hidden, rectified, index, excited; /* of the averages, the first layer, ReLU, the second, h-sigmoid */
    float *means;                                       /* of raw, see norm_t; NULL where the batch norm is rounded */
    float *averages, *sums, *indices;                   /* with room, of each picture, before they are rounded */
    float *grad_first, *grad_first_bias, *grad_second, *grad_second_bias; /* written; or NULL */
} excite_t;

static INLINE size_t whole(size_t channels)
{
    return (channels + LANES - 1) / LANES * LANES;
}

/* So many pixels. */
static INLINE void with_room(float *to, const float *from, size_t pixels, size_t channels)
{
    size_t width = whole(channels);

    if (width == channels) {
        memcpy(to, from, pixels * width * sizeof *to);
        return;
    }
    for (; pixels; pixels--, to += width, from += channels) {
        memcpy(to, from, channels * sizeof *to);
        memset(to + channels, 0, (width - channels) * sizeof *to);
    }
}

static INLINE size_t pixel_of(const source_t *source)
{
    return source->statistics ? whole(source->channels) : source->channels;
}

static INLINE const float *gate_of(const source_t *source, size_t picture)
{
    return source->gate ? source->gate + picture * whole(source->channels) : NULL;
}

/* Leaves the room behind the channels out. */
static INLINE void dense(float *to, const float *from, const float *added, size_t pixels, size_t channels)
{
    size_t width = whole(channels), size = pixels * channels;

    if (width == channels)
        memcpy(to, from, size * sizeof *to);
    else
        for (size_t i = 0; i < pixels; i++)
            memcpy(to + i * channels, from + i * width, channels * sizeof *to);
    for (size_t i = 0; added && i < size; i++)
        to[i] += added[i];
}

static INLINE vector rounded(vector x, const rounding_t *to)
{
    return nearest(bounded(x, to->low, to->high) * to->inverse) * to->step;
}

/* The gradient before the rounding of x. */
static INLINE vector inside(vector x, vector grad, const rounding_t *to)
{
    return where((x <= to->low) | (x >= to->high), all(0), grad);
}

/* Widens ends[0]…ends[1] to where all of x lies within. */
void widen(float *ends, const float *x, size_t size);

/* Some pixels of a picture, with room. gate: the picture's, with room, or NULL. */
void values(const source_t *source, const float *raw, const float *gate, size_t pixels, float *to);

/* Where values go: `gap` floats are left out behind each row of so many pixels. */
typedef struct {
    float *to;
    size_t columns, gap;
} rows_t;

/* The gradient before the batch norm, of a picture, from `grad` behind it all; both with room. Added to sums: two rows.
   grad_gate: the gate's, with room, written. made: the values, which come to light on the way, unless it is NULL. */
void gradient(const source_t *source, const float *raw, const float *gate, const float *grad, float *to, double *sums,
              float *grad_gate, const rows_t *made);

/* The gradient of a picture's values from `grad` behind them, with room: before their batch norm, where they have one. The
   others as of gradient(). */
void hand_back(const source_t *source, size_t picture, const float *grad, const gradient_t *to, double *sums,
               const rows_t *made);

/* The statistics' gradients, from the sums of all pictures. */
void hand_back_sums(const source_t *source, const double *sums, const gradient_t *to);

/* Adds to totals, over some pixels, x − pivot and its square. means: of x over these pixels; or NULL. */
void tally(const float *raw, size_t pixels, size_t width, const float *pivot, double *totals, float *means);

/* The batch norm's statistics, and the running ones, from the totals of `count` pixels. */
void settle(const norm_t *norm, const float *pivot, const double *totals, size_t count);

/* Four rows: by_grad, by_raw, constant, and room for a picture's constant. Writes the batch norm's gradients. */
void behind_norm(const behind_t *behind, size_t pictures, size_t pixels, float *rows);

/* Of a picture; rows as behind_norm left them. */
const float *constant_of(const behind_t *behind, size_t picture, size_t pixels, float *rows);

/* The gradient of what the convolution made: grad · by_grad + raw · by_raw + constant. */
void differences(const float *rows, const float *constant, const float *grad, const float *raw, size_t pixels,
                 size_t width, float *to);

/* The steps of a chain. All return 0 where there is no memory.

   weight: norm->channels × source->channels × kernel², of depthwise channels × kernel². Back, `to` has no raw where
   that gradient is not wanted, and grad_weight is NULL or written. */
int pointwise(const source_t *source, const float *weight, const norm_t *norm);
int pointwise_backward(const source_t *source, const float *weight, const behind_t *behind, const gradient_t *to,
                       float *grad_weight);
int depthwise(const source_t *source, const shape_t *shape, const float *weight, const norm_t *norm);
int depthwise_backward(const source_t *source, const shape_t *shape, const float *weight, const behind_t *behind,
                       const gradient_t *to, float *grad_weight);
int convolution(const source_t *source, const shape_t *shape, const float *weight, const norm_t *norm);
int convolution_backward(const source_t *source, const shape_t *shape, const float *weight, const behind_t *behind,
                         const gradient_t *to, float *grad_weight);

/* gate: of `made`, which has none yet, written. look: or NULL. */
int squeeze_excite(const source_t *made, excite_t *e, float *gate, look_t *look);

/* Adds to the gradients of `made` what comes by its averages; but where e->means are, that is left to grad_means. */
int squeeze_excite_backward(const source_t *made, const excite_t *e, const gradient_t *grad, float *grad_means);

/* The values, and the shortcut, which is added unless it is NULL, and the sum rounded: pictures × pixels × channels. */
int result(const source_t *source, const float *shortcut, rounding_t *sum, look_t *look, float *y);

/* grad: of y; where the sum was rounded, changed to that before the rounding, which is the shortcut's too. */
int result_backward(const source_t *source, const float *shortcut, const rounding_t *sum, float *grad,
                    const gradient_t *to);

/* Sets a rounding of the source by its values, if it has a point. */
int meet(const source_t *source, rounding_t *to, look_t *look);
