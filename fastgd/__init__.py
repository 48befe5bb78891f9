"""fastgd: full-batch gradient descent over large grids of hyperparameters."""

__version__ = "0.1.0"
