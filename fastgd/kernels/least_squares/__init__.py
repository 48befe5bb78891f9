"""Passes over the samples of a squared loss: sums over blocks in a basis. May import `compiling`."""
