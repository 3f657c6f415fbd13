"""A look at fresh data and at what serves: what is read for it, what it finds, and all that were taken before."""
