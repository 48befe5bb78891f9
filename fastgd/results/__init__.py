"""What is told: outcomes, advice, timing, the machine's limits, text and files.

May import `least_squares`, `kernels`, `descent` and what lies at the ground.
"""
