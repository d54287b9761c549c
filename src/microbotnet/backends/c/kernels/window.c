/* Windows over maps: of the input height x width, of the output rows x columns. */
typedef struct {
    int16_t channels, height, width;
    int16_t rows, columns;
    int16_t tall, wide;    /* of a window */
    int16_t down, right;   /* from one to the next */
    int16_t above, before; /* padding */
} window_t;
