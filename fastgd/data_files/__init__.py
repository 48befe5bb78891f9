"""Columns of data files, as arrays: CSV in its dialects, packed, Parquet, Arrow and .npy.

May import what lies at the ground.
"""
