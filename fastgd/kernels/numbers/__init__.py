"""The number that a user's function is compiled for, and vectors of it: what they do dispatches to fastgd's own."""
