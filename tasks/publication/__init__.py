"""Batch publication: lists that are checked, then shown to readers all at once, as Parquet and in a database."""
