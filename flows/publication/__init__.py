"""Lists for all active shoppers from what serves, published whole or not at all."""
