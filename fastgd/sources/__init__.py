"""Samples, wherever they lie: checked arrays in memory, and data larger than it, read piece by piece.

May import what lies at the ground.
"""
