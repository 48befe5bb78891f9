"""Pictures, drawn by matplotlib, which is imported when the first is asked for: a picture a file.

Each is `plot_*(result, ..., ax=None) -> Axes`. None interpolates, leaves out a configuration that failed, or changes
`matplotlib.rcParams`. Where more configurations fall on a point than it can show, it shows the best and says of how
many.
"""
