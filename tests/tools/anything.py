"""What somebody may pass where numbers are expected: strategies for fuzzing, sizes tiny."""

from __future__ import annotations

import datetime
import decimal
import fractions

import numpy as np
import scipy.sparse
from hypothesis import strategies as st
from hypothesis.extra import numpy as extra

try:
    import pandas
except ImportError:  # no dependency of the tests
    pandas = None

MODERATE = st.one_of(st.integers(-5, 5), st.floats(-5, 5, allow_subnormal=False).map(lambda value: round(value, 3)))
EXTREME = st.sampled_from(
    [
        0.0,
        -0.0,
        5e-324,
        -1e-310,
        1e-160,
        1e-16,
        1e16,
        1e160,
        1.7e308,
        -1.7e308,
        float("nan"),
        float("inf"),
        -float("inf"),
    ]
)
NUMBERS = st.one_of(MODERATE, EXTREME, st.sampled_from([10**30, -(10**30), 10**400, 2**53 + 1, -(2**63)]))


class Stubborn:
    """Its conversions fail in their own ways."""

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("no array today")

    def __len__(self):
        raise RuntimeError("no length today")


class Converts:
    """An object of a foreign library that becomes whatever array it holds."""

    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return self.array if dtype is None else self.array.astype(dtype)


SHAPES = st.one_of(
    st.sampled_from([(3,), (3, 1), (3, 2), (2,), (1, 2), (2, 2)]),
    extra.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3),
)


def float_arrays(elements=None, dtype=np.float64, shapes=SHAPES):
    return extra.arrays(dtype, shapes, elements=elements)


REAL_ARRAYS = st.one_of(
    float_arrays(MODERATE.map(float)),
    float_arrays(st.one_of(MODERATE.map(float), EXTREME)),
    float_arrays(MODERATE.map(lambda value: float(np.float32(value))), np.float32),
    float_arrays(st.integers(-5, 5), np.int64),
    float_arrays(st.integers(0, 5), np.uint8),
    float_arrays(st.booleans(), np.bool_),
    float_arrays(MODERATE.map(float), ">f8"),
    float_arrays(MODERATE.map(lambda value: float(np.float16(value))), np.float16),
    float_arrays(MODERATE.map(float)).map(lambda array: array.astype(np.longdouble)),
    float_arrays(MODERATE.map(float)).map(lambda array: array.T[::-1] if array.ndim else array),
)
ODD_ARRAYS = st.one_of(
    extra.arrays(np.complex128, SHAPES),
    extra.arrays(object, SHAPES, elements=st.one_of(st.none(), MODERATE, st.text(max_size=2))),
    extra.arrays("U2", SHAPES),
    extra.arrays("M8[D]", SHAPES),
    extra.arrays("m8[s]", SHAPES),
    SHAPES.map(lambda shape: np.zeros(shape, dtype=[("learning_rate", float), ("max_steps", int)])),
)
MASKED = st.builds(
    lambda array, mask: np.ma.MaskedArray(array, mask=np.resize(mask, array.shape) if array.ndim else mask[0]),
    float_arrays(MODERATE.map(float)),
    st.lists(st.booleans(), min_size=1, max_size=4),
)
SPARSE = st.builds(
    lambda kind, array: kind(array),
    st.sampled_from([scipy.sparse.csr_matrix, scipy.sparse.csc_array, scipy.sparse.coo_matrix]),
    float_arrays(MODERATE.map(float), shapes=st.sampled_from([(3, 2), (3, 1), (1, 3), (2, 2)])),
)
LISTS = st.recursive(
    st.one_of(NUMBERS, st.none(), st.text(max_size=3)), lambda inner: st.lists(inner, max_size=3), max_leaves=6
)
OBJECTS = st.one_of(
    st.none(),
    st.booleans(),
    st.complex_numbers(),
    st.text(max_size=5),
    st.binary(max_size=5),
    st.sampled_from(
        [datetime.date(2020, 1, 1), fractions.Fraction(1, 3), decimal.Decimal("0.1"), range(3), ..., print, int]
    ),
    st.builds(Stubborn),
    st.builds(Converts, st.one_of(REAL_ARRAYS, ODD_ARRAYS)),
    st.builds(lambda: (value for value in (1.0, 2.0, 3.0))),
    st.builds(lambda: {1.0, 2.0}),
    st.dictionaries(st.text(max_size=3), MODERATE, max_size=2),
    REAL_ARRAYS.filter(lambda array: array.ndim > 0 and array.flags.c_contiguous).map(memoryview),
)
INDICES = st.sampled_from([None, "reversed", "text"])  # which must not count: rows are taken in their order
MISSING = ["Int64", "Float64", "boolean", "string", "category", "datetime64[ns]"]


def labelled(kind, values, index):
    """Return a series or a data frame with this index."""
    n = len(values)
    labels = {None: None, "reversed": list(range(n))[::-1], "text": [f"row {k}" for k in range(n)]}[index]
    return kind(values, index=labels)


def framed(columns):
    """Return columns of numbers as a data frame, repeated to the longest; as they are without pandas."""
    if pandas is None:
        return columns
    length = max((np.size(values) for values in columns.values()), default=0)
    return pandas.DataFrame({name: np.resize(values, length) for name, values in columns.items()})


def _pandas_objects():
    if pandas is None:
        return st.nothing()
    series = float_arrays(st.one_of(MODERATE.map(float), EXTREME), shapes=st.sampled_from([(0,), (2,), (3,)]))
    tables = float_arrays(MODERATE.map(float), shapes=st.sampled_from([(3, 2), (3, 1), (1, 2), (0, 2)]))
    odd = st.sampled_from(MISSING).map(lambda dtype: pandas.Series([None, None, None], dtype=dtype))
    extension = st.sampled_from(["Int64", "Float64"]).map(lambda dtype: pandas.Series([1, 2, 4], dtype=dtype))
    return st.one_of(
        st.builds(labelled, st.just(pandas.Series), series, INDICES),
        st.builds(labelled, st.just(pandas.DataFrame), tables, INDICES),
        odd,
        extension,
        st.just(pandas.Series([1, None, 3], dtype="Int64")),
    )


FRAMES = _pandas_objects()
ANYTHING = st.one_of(NUMBERS, REAL_ARRAYS, ODD_ARRAYS, MASKED, SPARSE, LISTS, OBJECTS, FRAMES)


def content(value):
    """Return what a call must leave as it was."""
    if isinstance(value, np.ma.MaskedArray):
        return value.filled(0).tobytes(), np.ma.getmaskarray(value).tobytes()
    if isinstance(value, np.ndarray):
        return value.dtype, value.shape, value.tolist().__repr__() if value.dtype == object else value.tobytes()
    if pandas is not None and isinstance(value, pandas.Series | pandas.DataFrame):
        return value.to_csv()
    if scipy.sparse.issparse(value):
        return value.toarray().tobytes()
    if isinstance(value, Converts):
        return content(value.array)
    if isinstance(value, list | dict):
        return (
            type(value),
            len(value),
            [content(part) for part in (value.values() if isinstance(value, dict) else value)],
        )
    return None
