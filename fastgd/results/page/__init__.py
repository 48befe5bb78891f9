"""The page to explore a sweep: one HTML file with its data, its scripts and Bokeh, which asks for nothing else."""
