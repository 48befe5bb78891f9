"""How a grid is run: the grid, settings, tiles and progress.

May import `results`, `problems`, `least_squares`, `kernels`, `descent` and what lies at the ground.
"""
