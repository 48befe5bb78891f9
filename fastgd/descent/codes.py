"""Numbers by which kernels and the public names mean the same thing. No Numba here: everything imports it."""

# Why a descent stopped. One that has not is marked CANCELLED, so an interrupted sweep tells the truth.
REACHED_LOSS = 1
SMALL_GRADIENT = 2
SMALL_UPDATE = 3
MAX_STEPS = 0
DIVERGED = -1
LOSS_GREW = -2
CANCELLED = -3

# Update rules.
GRADIENT = 0
SIGN = 1
MOMENTUM = 2
NESTEROV = 3
ADAM = 4

# Schedules.
CONSTANT = 0
INVERSE_TIME = 1
EXPONENTIAL = 2
INVERSE_SQRT = 3
COSINE = 4

# What rounding may change a loss by, times its size.
LOSS_ROUNDING = 100.0 * 2.0**-52
