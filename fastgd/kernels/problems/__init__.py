"""Loss and gradient sums over blocks of samples. May import `compiling`."""
