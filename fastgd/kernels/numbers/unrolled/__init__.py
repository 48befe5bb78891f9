"""A user's function with its loops written out, and what of Python Numba leaves out, see `unrolling`."""
