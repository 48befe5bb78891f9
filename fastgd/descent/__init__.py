"""The one definition of descent: hyperparameters, rules, schedules and stopping tests, as tables and plain formulas.

Nothing is imported here but what Python has: everything else reads these tables.
"""
