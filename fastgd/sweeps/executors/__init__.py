"""Sweeps whose tiles are run by an executor's workers: processes of this machine, or of others.

`crew` knows the executor, `dask` makes one of a client of dask's, `parcel` is what travels to its workers, `tasks` runs
there, `sending` here.
"""
