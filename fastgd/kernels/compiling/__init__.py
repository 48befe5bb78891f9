"""How fastgd uses Numba: flags, the disk cache, dispatch, calls by address, vector code. Imports no other kernels."""
