"""Compiled kernels. They import only each other, are unchecked, and hold the formulas of losses, rules and schedules."""
