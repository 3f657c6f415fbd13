"""Settings of the ranker, searched for on weeks before the test fold: the only importer of optuna."""
