"""What a squared loss knows of itself: from samples to R, q, the floor, the minimum and the spectrum.

May import `kernels` and what lies at the ground.
"""
