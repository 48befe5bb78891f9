"""Elementary functions of float64s as arithmetic alone, which loops can be vectorised with. May import `compiling`."""
