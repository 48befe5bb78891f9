"""Compiled kernels: unchecked. The folders mirror the rooms whose work they do. May import `descent`."""
