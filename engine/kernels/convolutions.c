/* Convolutions of 3 x 3 with stride 2 and padding 1, where oneDNN is far from what the core can do.

   Images are channels last. Of the many channels, CHANNELS at a time are summed in registers, for some pixels of a row;
   their number must be a multiple of it. Every function returns 0, or 1 where there was no memory. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(__AVX512F__)
enum { LANES = 16, MOST = 7 };
#elif defined(__AVX__)
enum { LANES = 8, MOST = 6 }; /* with two vectors of weights, 14 of 16 registers */
#else
enum { LANES = 4, MOST = 6 };
#endif
enum { CHANNELS = 16, VECTORS = CHANNELS / LANES };

typedef float lanes __attribute__((vector_size(LANES * sizeof(float)), aligned(sizeof(float))));

/* Inlined with a constant count, so that sums stay in registers. */
#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 8")

/* sums += pixel [inputs] . weight [inputs, CHANNELS], for count pixels side by side. */
INLINE void add_products(const float *pixels, const float *weight, int64_t inputs, int count, lanes (*sums)[VECTORS])
{
    for (int64_t input = 0; input < inputs; input++) {
        lanes factors[VECTORS];
        UNROLL for (int vector = 0; vector < VECTORS; vector++)
            factors[vector] = *(const lanes *)(weight + input * CHANNELS + vector * LANES);
        UNROLL for (int pixel = 0; pixel < count; pixel++)
            UNROLL for (int vector = 0; vector < VECTORS; vector++)
                sums[pixel][vector] += factors[vector] * pixels[pixel * inputs + input];
    }
}

/* A row of inputs, and the row of the filter that it meets: weight [3, inputs, CHANNELS]. */
struct meeting {
    const float *pixels, *weight;
};

/* Every second output pixel of a row, count of them: the even ones meet the filter's middle column, the odd ones the
   right column of the pixel before and the left one of the pixel behind. */
INLINE void fill_some(const struct meeting *rows, int num_rows, int is_odd, int64_t inputs, int64_t outputs, int count,
                      float *to)
{
    lanes sums[MOST][VECTORS];
    UNROLL for (int pixel = 0; pixel < count; pixel++)
        UNROLL for (int vector = 0; vector < VECTORS; vector++) sums[pixel][vector] = (lanes){0};
    for (int row = 0; row < num_rows; row++) {
        const float *pixels = rows[row].pixels, *weight = rows[row].weight;
        if (is_odd) {
            add_products(pixels, weight + 2 * inputs * CHANNELS, inputs, count, sums);
            add_products(pixels + inputs, weight, inputs, count, sums);
        } else {
            add_products(pixels, weight + inputs * CHANNELS, inputs, count, sums);
        }
    }
    UNROLL for (int pixel = 0; pixel < count; pixel++)
        memcpy(to + 2 * pixel * outputs, sums[pixel], sizeof sums[pixel]);
}

static void fill_row(struct meeting *rows, int num_rows, int is_odd, int64_t inputs, int64_t outputs, int64_t width,
                     float *to)
{
    for (int64_t parts = (width + MOST - 1) / MOST; parts > 0; parts--) { /* of equal length, as far as can be */
        const int64_t count = (width + parts - 1) / parts;
        switch (count) {
#define CASE(n)                                                                                                        \
    case n:                                                                                                            \
        fill_some(rows, num_rows, is_odd, inputs, outputs, n, to);                                                     \
        break;
#if defined(__AVX512F__)
            CASE(7)
#endif
            CASE(6)
            CASE(5)
            CASE(4)
            CASE(3)
            CASE(2)
            CASE(1)
#undef CASE
        }
        for (int row = 0; row < num_rows; row++) rows[row].pixels += count * inputs;
        to += 2 * count * outputs;
        width -= count;
    }
}

/* A transposed convolution, which is the way back through a convolution to its inputs too.

   images [batch, height, width, inputs], weight [outputs / CHANNELS, 3, 3, inputs, CHANNELS] -> to [batch, to_height,
   to_width, outputs], to_height being 2 height or 2 height - 1, to_width likewise. What of the weight is used at a time
   lies together: with strides between, it would share few lines of the cache. */
int convolve_up(const float *images, const float *weight, int64_t batch, int64_t height, int64_t width, int64_t inputs,
                int64_t to_height, int64_t to_width, int64_t outputs, float *to, int threads)
{
    const int64_t pitch = (width + 1) * inputs, filter_row = 3 * inputs * CHANNELS;
    int failed = 0;
    (void)threads;
#pragma omp parallel for num_threads(threads) if (threads > 1) reduction(| : failed)
    for (int64_t image = 0; image < batch; image++) {
        float *const padded = calloc((height + 1) * pitch, sizeof *padded); /* a zero behind each row and column */
        if (!padded) {
            failed = 1;
            continue;
        }
        for (int64_t row = 0; row < height; row++)
            memcpy(padded + row * pitch, images + (image * height + row) * width * inputs,
                   width * inputs * sizeof *padded);
        for (int64_t channel = 0; channel < outputs; channel += CHANNELS)
            for (int64_t row = 0; row < to_height; row++) {
                const float *const here = padded + row / 2 * pitch, *const filter = weight + channel * 9 * inputs;
                float *const line = to + (image * to_height + row) * to_width * outputs + channel;
                for (int is_odd = 0; is_odd < 2; is_odd++) {
                    struct meeting rows[2] = {{here, filter + (row % 2 ? 2 : 1) * filter_row}, {here + pitch, filter}};
                    fill_row(rows, row % 2 ? 2 : 1, is_odd, inputs, outputs, (to_width + 1 - is_odd) / 2,
                             line + is_odd * outputs);
                }
            }
        free(padded);
    }
    return failed;
}

/* A convolution of one channel to many.

   images [batch, height, width], weight [3, 3, outputs] -> to [batch, (height + 1) / 2, (width + 1) / 2, outputs]. */
int convolve_one(const float *images, const float *weight, int64_t batch, int64_t height, int64_t width,
                 int64_t outputs, float *to, int threads)
{
    const int64_t to_height = (height + 1) / 2, to_width = (width + 1) / 2, pitch = 2 * to_width + 1;
    int failed = 0;
    (void)threads;
#pragma omp parallel for num_threads(threads) if (threads > 1) reduction(| : failed)
    for (int64_t image = 0; image < batch; image++) {
        float *const padded = calloc((2 * to_height + 1) * pitch, sizeof *padded); /* zeros all around */
        if (!padded) {
            failed = 1;
            continue;
        }
        for (int64_t row = 0; row < height; row++)
            memcpy(padded + (row + 1) * pitch + 1, images + (image * height + row) * width, width * sizeof *padded);
        for (int64_t channel = 0; channel < outputs; channel += LANES) {
            lanes filter[9];
            for (int tap = 0; tap < 9; tap++) filter[tap] = *(const lanes *)(weight + tap * outputs + channel);
            for (int64_t row = 0; row < to_height; row++) {
                const float *top = padded + 2 * row * pitch;
                float *line = to + (image * to_height + row) * to_width * outputs + channel;
                for (int64_t column = 0; column < to_width; column++, top += 2, line += outputs) {
                    const float *middle = top + pitch, *bottom = middle + pitch;
                    lanes one = filter[0] * top[0] + filter[1] * top[1] + filter[2] * top[2];
                    lanes two = filter[3] * middle[0] + filter[4] * middle[1] + filter[5] * middle[2];
                    lanes three = filter[6] * bottom[0] + filter[7] * bottom[1] + filter[8] * bottom[2];
                    one += two + three;
                    memcpy(line, &one, sizeof one);
                }
            }
        }
        free(padded);
    }
    return failed;
}
