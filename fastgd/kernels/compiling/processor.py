"""The processor that Numba compiles for: how many vector registers it has, how wide they are, and which pay."""

from functools import cache

from numba.core.registry import cpu_target

# AVX-512 processors, by LLVM's names, on which 256 bits are as fast. The first three lower a core's clock for 512, by
# up to a quarter and for all that runs there, and many of them have one unit that multiplies and adds 512 bits, which
# is as much as two of 256. All of the next four have one. The last may be any.
_NARROW = {
    *("skylake-avx512", "cascadelake", "cooperlake"),
    *("cannonlake", "icelake-client", "tigerlake", "rocketlake"),
    "x86-64-v4",
}


@cache
def _target():
    """Return LLVM's name of the kind of processor, that of the model, and what it has."""
    triple, model, features = cpu_target.target_context.codegen().magic_tuple()
    return triple.partition("-")[0], model, set(features.split(","))


def identity():
    """Return what tells processors apart on which Numba may compile to other bits, in plain types."""
    kind, model, features = _target()
    return {"kind": kind, "model": model, "features": sorted(features)}


def vector_registers():
    """Return (number, bytes) of the vector registers."""
    kind, _, features = _target()
    if kind not in ("x86_64", "i686"):
        return 32, 16
    if "+avx512f" in features:
        return 32, 64
    return 16, 32 if "+avx" in features else 16


def computes_512_bits():
    """Tell whether loops should take 512 bits at a time. Of AMD's processors LLVM thinks so by itself."""
    return vector_registers() == (32, 64) and _target()[1] not in _NARROW
