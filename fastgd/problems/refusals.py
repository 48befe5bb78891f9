"""What of a user's function can't be differentiated: one sentence, made of what Numba's compiler says."""

from __future__ import annotations

import builtins
import dis
import linecache
import re
from collections.abc import Iterator
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

from fastgd.text import with_article

_OPERATORS = {
    **{"add": "+", "sub": "-", "mul": "*", "truediv": "/", "floordiv": "//", "mod": "%", "pow": "**", "matmul": "@"},
    **{"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!=", "neg": "-", "pos": "+", "invert": "~"},
    **{"and_": "&", "or_": "|", "xor": "^", "lshift": "<<", "rshift": ">>", "contains": "in", "is_": "is"},
}
_TYPES = (  # how a type of Numba's begins, and in Python's words; the first that fits
    ("fastgd.Dual", "a number"),
    ("fastgd.Series", "an array"),
    ("fastgd.", "a vector"),
    ("complex", "a complex number"),
    (r"(readonly )?array\(\w+, 1d", "an array"),
    (r"(readonly )?array\(\w+, \dd", "a matrix"),
    (r"Array\(", "an array"),
    (r"(Literal\[str\]|unicode|\[unichr)", "text"),
    (r"(Literal\[|int|uint|float|bool)", "a number"),
    ("none", "None"),
    ("OptionalType", "what may be None"),
    (r"(Reflected|reflected |Literal)?(List|list)", "a list"),
    (r"(DictType|dict|values\[|keys\[|items\[)", "a dict"),
    (r"(Uni)?Tuple", "a tuple"),
    (r"(reflected )?set", "a set"),
    ("slice", "a slice"),
    ("NumPyRandomGenerator", "random numbers"),
    (r".*enerator", "a generator"),
)
_OPCODES = {
    "IMPORT_NAME": "an import within the function",
    "STORE_GLOBAL": "a global that it assigns",
    "DELETE": "del",
    "LOAD_BUILD_CLASS": "a class within the function",
    "DICT": "a dict",
    "SET": "a set",
    "FORMAT": "text",
    "WITH": "with",
    "YIELD": "yield",
    "AWAIT": "await",
    "EXC": "try/except",
    "RERAISE": "try/except",
    "MATCH": "match",
}
_OBJECTS = (
    (r"exception_match", lambda line, found: "try/except"),
    (r"with \(context manager\)|(Context|context) manager", lambda line, found: "with"),
    (r"NumPyRandomGenerator|numpy\.random|random\.Random", lambda line, found: "random numbers"),
    (r"could not convert string|unicode|<object type:", lambda line, found: "text"),
    (r"(list|tuple|index) (index )?out of (range|bounds)", lambda line, found: "an index that is out of range"),
    (r"'?(numpy\.[\w.]+)'? or unsupported use", lambda line, found: found[1].replace("numpy.", "np.", 1)),
    (r"opcode \((\w+)\)", lambda line, found: _of_opcode(found[1])),
    (r"^(\S.*?),? is not known$", lambda line, found: _of_what_is_not_known(found[1], line)),
    (r"[Cc]annot unify (.+) and (.+) for '([^']+)'", lambda line, found: _of_two_kinds(found)),
    (r"object '?(\w+)'? .*is not (hashable|callable)", lambda line, found: found[1]),
    (r"nonlocal variable '(\w+)'", lambda line, found: f"{found[1]} of the function around it, which it assigns"),
    (r"Can't return function object", lambda line, found: "a function that it returns"),
    (
        r"^Cannot bind|^missing a required|^too many positional",
        lambda line, found: "a call that does not fit the function",
    ),
    (r"recursi", lambda line, found: "a function that calls itself"),
)


def refusal(error: Exception, function: FunctionType, what: str = "loss", remedy: str = "pass gradient=") -> str:
    """Return the sentence about a function that Numba could not compile for numbers with their derivatives.

    Parameters
    ----------
    error : Exception
        What the compiler raised.
    function : FunctionType
        The frozen function.
    what : str
        The argument that it is.
    remedy : str
        What to do.
    """
    code = _code_at(error, function)
    number, line = code if code else (0, "")
    where = f" in line {number}, `{_shortened(line)}`" if line else ""
    return f"{what} can't be differentiated through {_construct(error, line, function)}{where}; {remedy}"


def _construct(error: Exception, line: str, function: FunctionType) -> str:
    """Return what of Python the compiler stumbled on."""
    reason = _reason(error)
    if not reason:
        return "** arguments"
    if found := re.match(r"No implementation of function Function\((.*?)\) found for signature:\s*(.*)", reason):
        return _of_call(found[1], found[2].removeprefix(">>> "), line or _written(function))
    if found := re.match(r"Unknown attribute '(\w+)' of type (.*)", reason):
        return _of_attribute(found[1], found[2], line or _written(function))
    if found := re.match(r"(?:Untyped [\w ]+|NameError: (?:global )?name|Type of variable) '(\$?\w+)", reason):
        return _of_name(found[1], line, function)
    for pattern, made in _OBJECTS:
        if found := re.search(pattern, reason):
            return made(line, found)
    return f"what Numba calls {_shortened(reason)!r}"


def _reason(error: Exception) -> str:
    """Return Numba's own words, without those of where it was."""
    lines = [line.strip().removeprefix("- ") for line in str(error).splitlines() if line.strip(" -")]
    preludes = ("Failed in", "During:", "Resolution failure")
    lines = [line for line in lines if not line.startswith(preludes)]
    return " ".join(lines[: 1 + (bool(lines) and lines[0].endswith(":"))])


# ---- in words --------------------------------------------------------------------------------------------------------


def _of_call(called: str, signature: str, line: str) -> str:
    """Return a function or an operator that has no implementation for these types."""
    kinds = list(_arguments(signature))
    words = [_of_type(kind) or "an object" for kind in kinds]
    found = re.search(r"(\w+)'?(?: at 0x\w+)?>?$", called)
    name = found[1] if found else called
    for strange in ("a complex number", "random numbers", "text", "a dict", "a set", "a generator"):
        if strange in words:
            return strange
    if name == "exception_match":
        return "try/except"
    if name in ("setitem", "static_setitem"):
        target = re.search(r"(\w+)\s*\[", line)
        return f"writing to {target[1] if target else 'an array'}"
    if name in ("getitem", "static_getitem"):
        return f"an index that is {words[1]}" if len(words) > 1 and words[1] != "a number" else "an index"
    if name == "bool" and "class" in called:
        return "an array as a condition"
    if name in _OPERATORS:
        return f"{_OPERATORS[name]} of {' and '.join(words)}"
    if name == "dot" and "@" in line:
        return f"@ of {' and '.join(words)}"
    if name[:1] == "i" and name[1:] in _OPERATORS:
        return f"{_OPERATORS[name[1:]]}= of {' and '.join(words)}"
    if name in ("stand_in", "_returned"):
        made = re.search(r"[\w.]*\b(array|zeros|ones|empty|full|copy)(_like)?\b", line)
        return made[0] if made else "an array that it makes"
    keywords = [found[1] for kind in kinds if (found := re.match(r"(\w+)=", kind))]
    if keywords and (call := re.search(rf"([\w.\[\]]+)\([^()]*\b{keywords[0]}\s*=", line)):
        return f"{call[1]} with {' and '.join(keywords)}"
    return _as_written(name, line)


def _of_attribute(name: str, owner: str, line: str) -> str:
    if name == "add":
        return "a set"
    if found := re.match(r"Module\(<module '([\w.]+)'", owner):
        return _as_written(name, line, f"{found[1].replace('numpy', 'np')}.{name}")
    written = re.search(rf"[\w.\[\]:-]+\.{name}\b(\()?", line)
    return (written[0] + ")" * bool(written[1])) if written else f"{_of_type(owner) or 'an object'}'s {name}"


def _of_name(name: str, line: str, function: FunctionType) -> str:
    """Return a global or what a closure holds that is no number, array or function; or is not there."""
    held = _scope(function)
    read = {each for code in _codes(function) for each in (*code.co_names, *code.co_freevars)}
    if name in read:
        names = [name]
    else:  # a constant by a name of the compiler's own
        names = [each for each in re.findall(r"(?<!\.)\b[A-Za-z_]\w*", line) if each in read] or sorted(read)
    for each in names:
        if each not in held and not hasattr(builtins, each) and (line or name in read):
            return f"{each}, which is not defined"
        value = held.get(each, 0.0)
        if isinstance(value, BuiltinFunctionType | np.ufunc):
            return ".".join(filter(None, [getattr(value, "__module__", None), value.__name__]))
        if words := _strange(value):
            return f"{each}, {words}"
    return names[0] if line and names else "an object that Numba does not know"


def _strange(value: Any) -> str:
    """Return what a value is that is no number, no array of numbers, no function and no module."""
    if isinstance(value, np.ma.MaskedArray):
        return "a masked array"
    if isinstance(value, np.ndarray):
        return "" if value.dtype.kind in "biuf" else f"an array of {value.dtype}"
    if isinstance(value, int | float | str | tuple | list | FunctionType | ModuleType):
        return ""
    return with_article("class" if isinstance(value, type) else type(value).__name__)


def _of_what_is_not_known(words: str, line: str) -> str:
    if words == "str" and "str(" not in line:
        return "an f-string"
    return _of_type(words) or words


def _of_opcode(opcode: str) -> str:
    return next((words for part, words in _OPCODES.items() if part in opcode), f"Python's {opcode}")


def _of_two_kinds(found: Any) -> str:
    kinds = [_of_type(found[1]) or "one thing", _of_type(found[2]) or "another"]
    name = found[3].partition(".")[0]
    return f"{name}, which is once {kinds[0]} and once {kinds[1]}"


def _of_type(kind: str) -> str | None:
    return next((words for begins, words in _TYPES if re.match(begins, kind.strip())), None)


def _as_written(name: str, line: str, otherwise: str = "") -> str:
    """Return a function's name with that of its module, as the line has it."""
    found = re.findall(rf"(?<![\w.])(?:[A-Za-z_]\w*\.)*{re.escape(name)}\b", line)
    return max(found, key=len) if found else otherwise or name


def _arguments(signature: str) -> Iterator[str]:
    """Yield the types of a signature that Numba shows."""
    inside = signature[signature.find("(") + 1 : signature.rfind(")")]
    depth = 0
    first = 0
    for k, letter in enumerate(inside):
        depth += (letter in "([") - (letter in ")]")
        if letter == "," and depth == 0:
            yield inside[first:k].strip()
            first = k + 1
    if inside[first:].strip():
        yield inside[first:].strip()


def assigned_around(function: FunctionType) -> str | None:
    """Return a variable that a function, or one that it calls, assigns where Numba does not see it, None without.

    That is one of the function around it; and one that a function within a function within assigns.
    """
    for outermost in _codes(function):
        hidden = [outermost, *(code for within in _within(outermost) for code in _within(within))]
        for code in hidden:
            for instruction in dis.get_instructions(code) if code.co_freevars else ():
                if instruction.opname == "STORE_DEREF" and instruction.argval in code.co_freevars:
                    return str(instruction.argval)
            hidden += _within(code) if code is not outermost else ()
    return None


def _within(code: CodeType) -> list[CodeType]:
    return [constant for constant in code.co_consts if isinstance(constant, CodeType)]


# ---- where -----------------------------------------------------------------------------------------------------------


def _code_at(error: Exception, function: FunctionType) -> tuple[int, str] | None:
    """Return the number and the text of the line that the error is about, None if it is not known."""
    files = {code.co_filename for code in _codes(function)}
    places = [(loc.filename, loc.line) for loc in [getattr(error, "loc", None)] if loc is not None]
    for said in (r'File "([^"]+)", line (\d+)', r"Raised from (\S+) \((\d+)\)"):
        places += [(name, int(number)) for name, number in re.findall(said, str(error))]
    for name, number in places:
        for file in files:
            if file == name or file.endswith("/" + name.replace("../", "")):
                line = re.sub(r"^def [^:]*: *(?=\S)", "", linecache.getline(file, number).strip())
                return (number, line) if line else None
    return None


def _shortened(line: str, most: int = 80) -> str:
    return line if len(line) <= most else line[: most - 3] + "..."


def _codes(function: FunctionType, seen: set[int] | None = None) -> Iterator[CodeType]:
    """Yield the code of a function and of those that it calls."""
    seen = set() if seen is None else seen
    if id(function) in seen:
        return
    seen.add(id(function))
    yield function.__code__
    for value in _scope(function).values():
        if isinstance(value, FunctionType) and not value.__module__.startswith(("numpy", "fastgd")):
            yield from _codes(value, seen)


def _written(function: FunctionType) -> str:
    """Return the dotted names that a function reads, where no source is known that has them."""
    words: list[str] = []
    for code in _codes(function):
        for instruction in dis.get_instructions(code):
            if instruction.opname in ("LOAD_ATTR", "LOAD_METHOD") and words:
                words[-1] += f".{instruction.argval}"
            elif instruction.opname.startswith(("LOAD_GLOBAL", "LOAD_DEREF", "LOAD_FAST")):
                words.append(str(instruction.argval))
    return " ".join(words)


def _scope(function: FunctionType) -> dict[str, Any]:
    """Return what a function reads from around it."""
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    held = {}
    for name, cell in cells:
        try:
            held[name] = cell.cell_contents
        except ValueError:  # an empty one
            continue
    return {**function.__globals__, **held}
