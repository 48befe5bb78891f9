"""A sweep's result as a folder that is written tile by tile, and that a later call goes on with."""
