"""The steps that turn a shop's raw data into a judged recommender, in the order in which they run."""
