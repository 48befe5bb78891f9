"""Columns of data files, as arrays: CSV in its dialects, packed, Parquet and Arrow.

May import what lies at the ground.
"""
