/* A chain's steps one after the other, forward and back. */
#include "stage.h"

enum { INPUT, POINTWISE, DEPTHWISE, CONVOLUTION, RESULT };

#define NOWHERE ((size_t)-1)

typedef struct {
    int kind;
    shape_t map;           /* of the values before; not of POINTWISE */
    const float *weight;
    norm_t norm;
    excite_t excite;
    size_t shortcut;       /* of RESULT: the step whose values are added, or NOWHERE */
    rounding_t sum;
    source_t made;         /* by this step; of INPUT, what the chain is given */
    float *grad_weight, *grad_norm_weight, *grad_norm_bias; /* written; or NULL */
} step_t;

static float *take(float *room, size_t *used, size_t floats)
{
    float *here = room ? room + *used : NULL;

    *used += (floats + 15) / 16 * 16;
    return here;
}

/* Where the values of all steps lie in the room, but for the last ones: used floats of it. Without room they are only
   counted. */
PUBLIC int chain_room(step_t *steps, size_t count, float *room, size_t *used)
{
    *used = 0;
    for (step_t *s = steps + 1; s < steps + count; s++) {
        size_t channels = s->made.channels, width = whole(channels), pictures = s->made.pictures;

        if (s->kind == RESULT) {
            if (s < steps + count - 1)
                s->made.raw = take(room, used, pictures * s->made.pixels * channels);
            continue;
        }
        s->norm.channels = channels;
        s->made.raw = s->norm.raw = take(room, used, pictures * s->made.pixels * width);
        s->made.statistics = s->norm.statistics = take(room, used, 4 * width);
        if (s->excite.squeeze) {
            s->made.gate = take(room, used, pictures * width);
            s->excite.averages = take(room, used, pictures * width);
            s->excite.sums = take(room, used, pictures * whole(s->excite.squeeze));
            s->excite.indices = take(room, used, pictures * width);
            if (!s->made.normed.point) /* then the averages of values are those of what the convolution made, scaled */
                s->excite.means = s->norm.means = take(room, used, pictures * width);
        }
    }
    return 1;
}

/* Each range is that of values that are rounded only before. */
static int stage(const source_t *from, step_t *s, look_t *look)
{
    source_t *made = &s->made, last = *made;

    if (!(s->kind == POINTWISE   ? pointwise(from, s->weight, &s->norm)
          : s->kind == DEPTHWISE ? depthwise(from, &s->map, s->weight, &s->norm)
                                 : convolution(from, &s->map, s->weight, &s->norm)))
        return 0;
    made->activation = NONE;
    made->gate = NULL;
    made->normed.step = made->gated.step = made->activated.step = 0;
    if (!meet(made, &last.normed, look))
        return 0;
    made->normed = last.normed;
    if (last.gate && !squeeze_excite(made, &s->excite, (float *)last.gate, look))
        return 0;
    made->gate = last.gate;
    if (!meet(made, &last.gated, look))
        return 0;
    made->gated = last.gated;
    made->activation = last.activation;
    if (!meet(made, &last.activated, look))
        return 0;
    made->activated = last.activated;
    return 1;
}

/* look: for steps in which ranges follow the values; or NULL. Returns 0 where there is no memory. */
PUBLIC int chain_forward(step_t *steps, size_t count, look_t *look)
{
    for (size_t i = 1; i < count; i++) {
        step_t *s = steps + i;
        const source_t *from = &steps[i - 1].made;
        const float *shortcut = s->kind == RESULT && s->shortcut != NOWHERE ? steps[s->shortcut].made.raw : NULL;

        if (!(s->kind == RESULT ? result(from, shortcut, &s->sum, look, (float *)s->made.raw) : stage(from, s, look)))
            return 0;
    }
    return 1;
}

static size_t size_of(const source_t *source)
{
    return source->pictures * source->pixels * pixel_of(source);
}

/* Room for the gradient of values. */
static int begin(const source_t *source, gradient_t *grad)
{
    size_t width = whole(source->channels), size = size_of(source);

    grad->raw = malloc((size + (2 + (source->gate ? source->pictures : 0)) * width) * sizeof *grad->raw);
    if (!grad->raw)
        return 0;
    grad->statistics = source->statistics ? grad->raw + size : NULL;
    grad->gate = source->gate ? grad->raw + size + 2 * width : NULL;
    return 1;
}

static int stage_backward(const source_t *from, const step_t *s, const gradient_t *grad, const gradient_t *to)
{
    const source_t *made = &s->made;
    float *grad_means = NULL;
    int done = 1;
    behind_t behind = {made->channels, made->raw, made->statistics, s->excite.means, grad->raw, grad->statistics,
                       NULL, s->grad_norm_weight, s->grad_norm_bias};

    if (made->gate) {
        grad_means = malloc(made->pictures * whole(made->channels) * sizeof *grad_means);
        done = grad_means && squeeze_excite_backward(made, &s->excite, grad, grad_means);
        behind.grad_means = s->excite.means ? grad_means : NULL;
    }
    done = done && (s->kind == POINTWISE   ? pointwise_backward(from, s->weight, &behind, to, s->grad_weight)
                    : s->kind == DEPTHWISE ? depthwise_backward(from, &s->map, s->weight, &behind, to, s->grad_weight)
                                           : convolution_backward(from, &s->map, s->weight, &behind, to, s->grad_weight));
    free(grad_means);
    return done;
}

/* The gradients of the last step's values go in; that of the input comes out, unless it is NULL. Returns 0 where there
   is no memory. */
PUBLIC int chain_backward(step_t *steps, size_t count, const float *grad_result, float *grad_input)
{
    float **added = calloc(count, sizeof *added); /* to the gradient of a step's values, by shortcuts */
    gradient_t grad = {0};                        /* of what step i made */
    int done = added && begin(&steps[count - 1].made, &grad);

    if (done)
        memcpy(grad.raw, grad_result, size_of(&steps[count - 1].made) * sizeof *grad.raw);
    for (size_t i = count - 1; done && i; i--) {
        step_t *s = steps + i;
        const source_t *from = &steps[i - 1].made;
        gradient_t to = {0};

        if (i > 1)
            done = begin(from, &to);
        else
            to.raw = grad_input;
        if (!done)
            break;
        to.added = added[i - 1];
        if (s->kind == RESULT) {
            int has_shortcut = s->shortcut != NOWHERE;

            done = result_backward(from, has_shortcut ? steps[s->shortcut].made.raw : NULL, &s->sum, grad.raw, &to);
            if (has_shortcut) {
                added[s->shortcut] = grad.raw;
                grad.raw = NULL;
            }
        } else
            done = stage_backward(from, s, &grad, &to);
        free(added[i - 1]);
        added[i - 1] = NULL;
        free(grad.raw);
        grad = to;
    }
    if (grad.raw != grad_input)
        free(grad.raw);
    for (size_t i = 0; added && i < count; i++)
        free(added[i]);
    free(added);
    return done;
}

/* The floats of a vector. */
PUBLIC int lanes(void)
{
    return LANES;
}
