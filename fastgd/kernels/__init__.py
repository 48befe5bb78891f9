"""Compiled kernels: unchecked, importing only each other, with the formulas of losses, rules and schedules."""
