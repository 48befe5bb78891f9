"""Chebyshev polynomials T_1, T_2, ... at u as tuples, and sums over samples of them and of their products.

A tuple's length is part of its type, so that its elements stay in registers. Each function calls itself on tuples one
shorter, which unrolls it for certain.
"""

from fastgd.kernels.compiling.jit import dispatched


@dispatched(fastmath=True)
def next_terms(zeros, before, last, u2):
    """Return the next len(zeros) polynomials of T_{k+1} = u2 T_k - T_{k-1}, u2 = 2 u."""
    if len(zeros) == 0:
        return lambda zeros, before, last, u2: ()

    def implementation(zeros, before, last, u2):
        term = u2 * last - before
        return (term, *next_terms(zeros[1:], last, term, u2))

    return implementation


@dispatched(fastmath=True)
def terms_at(zeros, u):
    """Return T_1, ..., T_d at u, d = len(zeros), by steps of two: T_{k+2} = 2 T_2 T_k - T_{k-2}.

    They need half the steps that wait for one another: from d = 8 on a loop over samples waits for nothing else.
    """
    if len(zeros) == 1:
        return lambda zeros, u: (u,)

    def implementation(zeros, u):
        second = (u + u) * u - 1.0
        return (u, second, *terms_after(zeros[2:], u, 1.0, u, second, second + second))

    return implementation


@dispatched(fastmath=True)
def terms_after(zeros, a, b, c, d, double):
    """Return the next len(zeros) polynomials after the four a, b, c, d; `double` is 2 T_2."""
    if len(zeros) == 0:
        return lambda zeros, a, b, c, d, double: ()

    def implementation(zeros, a, b, c, d, double):
        term = double * c - a
        return (term, *terms_after(zeros[1:], b, c, d, term, double))

    return implementation


@dispatched(fastmath=True)
def added(sums, terms):
    """Return sums + terms."""
    if len(sums) == 0:
        return lambda sums, terms: ()
    return lambda sums, terms: (sums[0] + terms[0], *added(sums[1:], terms[1:]))


@dispatched(fastmath=True)
def added_last(sums, terms):
    """Return sums + the last of the terms."""
    if len(sums) == 0:
        return lambda sums, terms: ()
    place = len(terms) - len(sums)
    return lambda sums, terms: (sums[0] + terms[place], *added_last(sums[1:], terms))


@dispatched(fastmath=True)
def added_scaled(sums, factor, terms):
    """Return sums + factor terms."""
    if len(sums) == 0:
        return lambda sums, factor, terms: ()
    return lambda sums, factor, terms: (sums[0] + factor * terms[0], *added_scaled(sums[1:], factor, terms[1:]))


@dispatched(fastmath=True)
def added_products(sums, terms, others):
    """Return sums + terms others."""
    if len(sums) == 0:
        return lambda sums, terms, others: ()
    return lambda sums, terms, others: (
        sums[0] + terms[0] * others[0],
        *added_products(sums[1:], terms[1:], others[1:]),
    )


@dispatched(fastmath=True)
def added_high(sums, terms):
    """Return sums + T_a T_b for n = a + b from d + 1 to 2 d, given T_1, ..., T_d; of `sums` the last ones are left."""
    if len(sums) == 0:
        return lambda sums, terms: ()
    n = 2 * len(terms) + 1 - len(sums)
    a = (n + 1) // 2 - 1  # place of T_a
    b = n // 2 - 1
    return lambda sums, terms: (sums[0] + terms[a] * terms[b], *added_high(sums[1:], terms))


@dispatched(fastmath=True)
def dotted(factors, terms):
    """Return sum_k factors_k terms_k."""
    if len(factors) == 0:
        return lambda factors, terms: 0.0
    if len(factors) == 1:
        return lambda factors, terms: factors[0] * terms[0]
    return lambda factors, terms: factors[0] * terms[0] + dotted(factors[1:], terms[1:])
