"""Descents along the modes of a squared loss, in closed form. May import `compiling` and `descent`."""
