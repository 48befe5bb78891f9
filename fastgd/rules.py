"""What a descent is told to do and why it stopped, as the user names it. The formulas stand in `kernels.rules`."""
