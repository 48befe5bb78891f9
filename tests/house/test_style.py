"""One assignment, one thing: what has nothing to do with each other is not assigned side by side."""

from __future__ import annotations

import ast

import pytest

from tests.tools.installed import PACKAGE


def side_by_side(source):
    """Yield the assignments of a tuple to a tuple where the right side uses nothing of what the left side changes."""
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple):
            changed = {ast.unparse(part) for left in node.targets if isinstance(left, ast.Tuple) for part in left.elts}
            if changed and not changed & {ast.unparse(part) for part in ast.walk(node.value)}:
                yield f"line {node.lineno}: {ast.unparse(node)}"


@pytest.mark.parametrize("source", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_nothing_unrelated_is_assigned_side_by_side(source):
    assert list(side_by_side(source)) == []
