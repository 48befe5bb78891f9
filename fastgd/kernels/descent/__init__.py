"""One step of descent, and the loops that take it over a tile. May import `compiling` and `problems`."""
