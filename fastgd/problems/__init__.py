"""What is minimised: objectives and fits, their losses, and evaluation from Python.

May import `least_squares`, `kernels` and what lies at the ground.
"""
