/* The works in C with OpenMP: -O3 -march=native -ffast-math -fopenmp -DP=number of parameters -DREAL=type of the samples.
 *
 * The number of parameters is known to the compiler, so its loops over them unroll. Thetas (c, P); out (c, P + 1): the
 * sum of squared residuals and its gradient.
 */
#include <math.h>
#include <stddef.h>
#include <string.h>

enum { BLOCK = 4096 };

double dot(const double *restrict a, const double *restrict b, ptrdiff_t n)
{
    double sum = 0.0;
#pragma omp parallel for simd reduction(+ : sum)
    for (ptrdiff_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

#if P <= 32
static void polynomial_block(const REAL *restrict x, const REAL *restrict y, ptrdiff_t n,
                             const double *restrict theta, double *restrict out)
{
    double loss = 0.0, gradient[P] = {0.0}, coefficient[P];
    memcpy(coefficient, theta, sizeof coefficient);
#pragma omp simd reduction(+ : loss, gradient)
    for (ptrdiff_t i = 0; i < n; i++) {
        double r = coefficient[P - 1];
#pragma GCC unroll 32
        for (int k = P - 2; k >= 0; k--)
            r = r * x[i] + coefficient[k];
        r -= y[i];
        loss += r * r;
#pragma GCC unroll 32
        for (int k = 0; k < P; k++) {
            gradient[k] += r;
            r *= x[i];
        }
    }
    out[0] += loss;
    for (int k = 0; k < P; k++)
        out[1 + k] += 2.0 * gradient[k];
}

void polynomial(const REAL *x, const REAL *y, ptrdiff_t n, const double *thetas, ptrdiff_t count, double *out)
{
    ptrdiff_t size = count * (P + 1), blocks = (n + BLOCK - 1) / BLOCK;
    memset(out, 0, size * sizeof(double));
#pragma omp parallel for reduction(+ : out[:size]) if (n * count > 32768)
    for (ptrdiff_t b = 0; b < blocks; b++) {
        ptrdiff_t first = b * BLOCK, length = n - first < BLOCK ? n - first : BLOCK;
        for (ptrdiff_t c = 0; c < count; c++)
            polynomial_block(x + first, y + first, length, thetas + c * P, out + c * (P + 1));
    }
    for (ptrdiff_t i = 0; i < size; i++)
        out[i] /= n;
}
#endif

/* P = features + 1, the intercept last */
void linear(const double *X, const double *y, ptrdiff_t n, const double *thetas, ptrdiff_t count, double *out)
{
    enum { F = P - 1, ROWS = F < 256 ? 32768 / F : 128 };
    ptrdiff_t size = count * (P + 1), blocks = (n + ROWS - 1) / ROWS;
    memset(out, 0, size * sizeof(double));
#pragma omp parallel for reduction(+ : out[:size]) if (n * count * F > 32768)
    for (ptrdiff_t b = 0; b < blocks; b++) {
        ptrdiff_t last = (b + 1) * ROWS < n ? (b + 1) * ROWS : n;
        for (ptrdiff_t c = 0; c < count; c++) {
            const double *restrict theta = thetas + c * P;
            double loss = 0.0, slope = 0.0, gradient[F] = {0.0};
            for (ptrdiff_t i = b * ROWS; i < last; i++) {
                const double *restrict row = X + i * F;
                double r = theta[F] - y[i];
                for (ptrdiff_t j = 0; j < F; j++)
                    r += theta[j] * row[j];
                loss += r * r;
                slope += r;
                for (ptrdiff_t j = 0; j < F; j++)
                    gradient[j] += r * row[j];
            }
            double *sums = out + c * (P + 1);
            sums[0] += loss;
            for (ptrdiff_t j = 0; j < F; j++)
                sums[1 + j] += 2.0 * gradient[j];
            sums[1 + F] += 2.0 * slope;
        }
    }
    for (ptrdiff_t i = 0; i < size; i++)
        out[i] /= n;
}

#if P <= 32
static void take_step(double rate, const double *restrict sums, double scale, double *restrict theta)
{
    for (int k = 0; k < P; k++)
        theta[k] -= rate * scale * sums[1 + k];
}

/* thetas (count, P) begin at the start; few samples: configurations are shared out, many: blocks */
void polynomial_sweep(const REAL *x, const REAL *y, ptrdiff_t n, const double *rates, ptrdiff_t count,
                      ptrdiff_t steps, double *thetas, double *out)
{
    if (n > 32768) {
        for (ptrdiff_t t = 0; t <= steps; t++) {
            polynomial(x, y, n, thetas, count, out);
            for (ptrdiff_t c = 0; c < count && t < steps; c++)
                take_step(rates[c], out + c * (P + 1), 1.0, thetas + c * P);
        }
        return;
    }
#pragma omp parallel for schedule(dynamic)
    for (ptrdiff_t c = 0; c < count; c++) {
        double *theta = thetas + c * P, *sums = out + c * (P + 1);
        for (ptrdiff_t t = 0; t <= steps; t++) {
            memset(sums, 0, (P + 1) * sizeof(double));
            for (ptrdiff_t first = 0; first < n; first += BLOCK)
                polynomial_block(x + first, y + first, n - first < BLOCK ? n - first : BLOCK, theta, sums);
            if (t < steps)
                take_step(rates[c], sums, 1.0 / n, theta);
        }
        sums[0] /= n;
    }
}
#endif

void dart_sweep(const double *rates, ptrdiff_t count, ptrdiff_t steps, double threshold, double bound, double *thetas,
                double *losses, long long *taken)
{
#pragma omp parallel for schedule(dynamic, 1024)
    for (ptrdiff_t c = 0; c < count; c++) {
        double theta = 0.0, loss;
        ptrdiff_t t = 0;
        for (;; t++) {
            double cosine = cos(theta), tangent = sin(theta) / cosine, secant2 = 1.0 / (cosine * cosine);
            double miss = 10.0 * tangent - 4.9 * secant2;
            loss = miss * miss / 2.0;
            if (loss < threshold || t == steps)
                break;
            theta -= rates[c] * miss * secant2 * (10.0 - 9.8 * tangent);
            theta = theta < -bound ? -bound : theta > bound ? bound : theta;
        }
        thetas[c] = theta;
        losses[c] = loss;
        taken[c] = t;
    }
}
