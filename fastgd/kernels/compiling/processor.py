"""The processor that Numba compiles for: how many vector registers it has, and how wide they are."""

from numba.core.registry import cpu_target


def vector_registers():
    """Return (number, bytes) of the vector registers."""
    triple, _, features = cpu_target.target_context.codegen().magic_tuple()
    if not triple.startswith(("x86_64", "i686")):
        return 32, 16
    enabled = features.split(",")
    if "+avx512f" in enabled:
        return 32, 64
    return 16, 32 if "+avx" in enabled else 16
