/* Batch normalization with SiLU behind it, each way in two passes over memory where torch takes five.

   Arrays are [rows, channels], a row being a pixel of an image. Sums are of blocks of a fixed size, so that any number
   of threads gives the same numbers. Every function returns 0, or 1 where there was no memory. */

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Few channels are laid side by side until a line of them is worth a vectorized loop. */
enum { LINE = 256, LINES_A_BLOCK = 64 };

/* What `norm_silu_forward` leaves for the way back: four arrays of a float a channel. */
enum { MEAN, INVERSE, SCALE, SHIFT, NUM_STATS };

/* 1 / (1 + exp(-y)), exp by the polynomial of Cephes' exp2f (Moshier). NaN stays NaN. */
static inline float sigmoid(float y)
{
    float exponent = y * -1.44269504f; /* exp(-y) = 2^exponent */
    exponent = exponent > 126.0f ? 126.0f : exponent;
    exponent = exponent < -126.0f ? -126.0f : exponent;
    const float rounded = exponent + 12582912.0f; /* 1.5 * 2^23 has no room for fractions: the last bits are whole */
    const float rest = exponent - (rounded - 12582912.0f);
    uint32_t bits;
    memcpy(&bits, &rounded, sizeof bits);
    bits = (bits << 23) + (127u << 23);
    float whole;
    memcpy(&whole, &bits, sizeof whole);
    float power = 1.535336188e-4f;
    power = power * rest + 1.339887440e-3f;
    power = power * rest + 9.618437358e-3f;
    power = power * rest + 5.550332471e-2f;
    power = power * rest + 2.402264791e-1f;
    power = power * rest + 6.931472029e-1f;
    power = power * rest + 1.0f;
    return 1.0f / (1.0f + power * whole);
}

static int64_t least(int64_t one, int64_t other) { return one < other ? one : other; }

static int64_t line_of(int64_t channels)
{
    return channels >= LINE ? channels : channels * ((LINE - 1) / channels + 1);
}

static void repeat(const float *values, int64_t channels, int64_t line, float *to)
{
    for (int64_t at = 0; at < line; at += channels) memcpy(to + at, values, channels * sizeof *to);
}

/* The sums [2, line] of all blocks, for each channel. */
static void add_up(const float *sums, int64_t blocks, int64_t line, int64_t channels, int64_t channel, double found[2])
{
    found[0] = found[1] = 0;
    for (int64_t block = 0; block < blocks; block++, sums += 2 * line)
        for (int64_t at = channel; at < line; at += channels) {
            found[0] += sums[at];
            found[1] += sums[line + at];
        }
}

/* What is computed of one block: functions of their own, since OpenMP forgets what is restrict. */

static void sum_block(const float *restrict inputs, int64_t size, int64_t line, const float *restrict guess,
                      float *restrict sums, float *restrict squares)
{
    for (int64_t begin = 0; begin < size; begin += line, inputs += line) {
        const int64_t count = least(line, size - begin);
        for (int64_t at = 0; at < count; at++) {
            const float difference = inputs[at] - guess[at];
            sums[at] += difference;
            squares[at] += difference * difference;
        }
    }
}

static void put_out_block(const float *restrict inputs, int64_t size, int64_t line, const float *restrict scale,
                          const float *restrict shift, float *restrict outputs)
{
    for (int64_t begin = 0; begin < size; begin += line, inputs += line, outputs += line) {
        const int64_t count = least(line, size - begin);
        for (int64_t at = 0; at < count; at++) {
            const float normalized = inputs[at] * scale[at] + shift[at];
            outputs[at] = normalized * sigmoid(normalized);
        }
    }
}

/* Back through SiLU, d/dy y s(y) = s (1 + y (1 - s)); its sums are the gradients of bias and weight. */
static void undo_silu_block(const float *restrict gradient, const float *restrict inputs, int64_t size, int64_t line,
                            const float *restrict scale, const float *restrict shift, const float *restrict mean,
                            float *restrict back, float *restrict sums, float *restrict products)
{
    for (int64_t begin = 0; begin < size; begin += line, gradient += line, inputs += line, back += line) {
        const int64_t count = least(line, size - begin);
        for (int64_t at = 0; at < count; at++) {
            const float normalized = inputs[at] * scale[at] + shift[at], gate = sigmoid(normalized);
            const float of_normalized = gradient[at] * gate * (1.0f + normalized * (1.0f - gate));
            back[at] = of_normalized;
            sums[at] += of_normalized;
            products[at] += of_normalized * (inputs[at] - mean[at]);
        }
    }
}

/* Back through the normalization (Ioffe and Szegedy 2015, section 3): linear in both, a channel at a time. */
static void undo_norm_block(const float *restrict inputs, int64_t size, int64_t line, const float *restrict scale,
                            const float *restrict slope, const float *restrict level, float *restrict back)
{
    for (int64_t begin = 0; begin < size; begin += line, inputs += line, back += line) {
        const int64_t count = least(line, size - begin);
        for (int64_t at = 0; at < count; at++) back[at] = scale[at] * back[at] + slope[at] * inputs[at] + level[at];
    }
}

/* Biased variances to normalize by, unbiased ones for the running averages, as `torch.nn.BatchNorm2d` has them.
   inputs, outputs [rows, channels]; stats [NUM_STATS, channels]; the others [channels]. */
int norm_silu_forward(const float *inputs, int64_t rows, int64_t channels, const float *weight, const float *bias,
                      float epsilon, float momentum, float *running_mean, float *running_var, float *outputs,
                      float *stats, int threads)
{
    const int64_t line = line_of(channels), size = rows * channels, block_size = line * LINES_A_BLOCK;
    const int64_t blocks = (size + block_size - 1) / block_size;
    float *const work = calloc(2 * line + 2 * line * blocks, sizeof *work);
    if (!work) return 1;
    float *const one = work, *const other = work + line, *const sums = work + 2 * line;
    float *const mean = stats + MEAN * channels, *const inverse = stats + INVERSE * channels;
    float *const scale = stats + SCALE * channels, *const shift = stats + SHIFT * channels;
    (void)threads;

    /* Squares of differences from a first guess of the mean: those from zero would lose digits where it is large. */
    const int64_t few = least(rows, LINES_A_BLOCK);
    for (int64_t channel = 0; channel < channels; channel++) {
        double sum = 0;
        for (int64_t row = 0; row < few; row++) sum += inputs[row * channels + channel];
        mean[channel] = (float)(sum / (double)few);
    }
    repeat(mean, channels, line, one);
#pragma omp parallel for num_threads(threads) if (threads > 1)
    for (int64_t block = 0; block < blocks; block++) {
        const int64_t begin = block * block_size;
        float *const sum = sums + block * 2 * line;
        sum_block(inputs + begin, least(block_size, size - begin), line, one, sum, sum + line);
    }
    const double num_rows = (double)rows;
    for (int64_t channel = 0; channel < channels; channel++) {
        double sum[2];
        add_up(sums, blocks, line, channels, channel, sum);
        const double off = sum[0] / num_rows, exact = mean[channel] + off;
        const double variance = fmax(sum[1] / num_rows - off * off, 0);
        mean[channel] = (float)exact;
        inverse[channel] = (float)(1 / sqrt(variance + epsilon));
        scale[channel] = weight[channel] * inverse[channel];
        shift[channel] = (float)(bias[channel] - exact * scale[channel]);
        running_mean[channel] += momentum * ((float)exact - running_mean[channel]);
        running_var[channel] += momentum * ((float)(variance * num_rows / (num_rows - 1)) - running_var[channel]);
    }

    repeat(scale, channels, line, one);
    repeat(shift, channels, line, other);
#pragma omp parallel for num_threads(threads) if (threads > 1)
    for (int64_t block = 0; block < blocks; block++) {
        const int64_t begin = block * block_size;
        put_out_block(inputs + begin, least(block_size, size - begin), line, one, other, outputs + begin);
    }
    free(work);
    return 0;
}

/* gradient (of the outputs), inputs, input_gradient [rows, channels]; stats as above; the others [channels]. */
int norm_silu_backward(const float *gradient, const float *inputs, int64_t rows, int64_t channels, const float *stats,
                       float *input_gradient, float *weight_gradient, float *bias_gradient, int threads)
{
    const int64_t line = line_of(channels), size = rows * channels, block_size = line * LINES_A_BLOCK;
    const int64_t blocks = (size + block_size - 1) / block_size;
    float *const work = calloc(3 * line + 2 * channels + 2 * line * blocks, sizeof *work);
    if (!work) return 1;
    float *const scales = work, *const one = work + line, *const other = work + 2 * line;
    float *const slope = work + 3 * line, *const level = slope + channels, *const sums = level + channels;
    const float *const mean = stats + MEAN * channels, *const inverse = stats + INVERSE * channels;
    const float *const scale = stats + SCALE * channels, *const shift = stats + SHIFT * channels;
    (void)threads;

    repeat(scale, channels, line, scales);
    repeat(shift, channels, line, one);
    repeat(mean, channels, line, other);
#pragma omp parallel for num_threads(threads) if (threads > 1)
    for (int64_t block = 0; block < blocks; block++) {
        const int64_t begin = block * block_size;
        float *const sum = sums + block * 2 * line;
        undo_silu_block(gradient + begin, inputs + begin, least(block_size, size - begin), line, scales, one, other,
                        input_gradient + begin, sum, sum + line);
    }
    const double num_rows = (double)rows;
    for (int64_t channel = 0; channel < channels; channel++) {
        double sum[2];
        add_up(sums, blocks, line, channels, channel, sum);
        const double spread = (double)scale[channel] * inverse[channel] * inverse[channel];
        const double of_inputs = -spread * sum[1] / num_rows;
        bias_gradient[channel] = (float)sum[0];
        weight_gradient[channel] = (float)(sum[1] * inverse[channel]);
        slope[channel] = (float)of_inputs;
        level[channel] = (float)(-scale[channel] * sum[0] / num_rows - of_inputs * mean[channel]);
    }

    repeat(slope, channels, line, one);
    repeat(level, channels, line, other);
#pragma omp parallel for num_threads(threads) if (threads > 1)
    for (int64_t block = 0; block < blocks; block++) {
        const int64_t begin = block * block_size;
        undo_norm_block(inputs + begin, least(block_size, size - begin), line, scales, one, other,
                        input_gradient + begin);
    }
    free(work);
    return 0;
}
