"""How a tile is run. Each engine says what it lacks for a problem, what a sweep would cost, and prepares a plan."""
