"""The one definition of descent: hyperparameters, rules, schedules, stopping tests and statuses, as tables of formulas.

Whatever checks, tells, exports, compiles or tests them reads these tables, so that each stands here once. Nothing is
imported but what Python has.
"""
