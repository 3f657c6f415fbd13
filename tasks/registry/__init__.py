"""Runs, versions and their stages: the only importer of mlflow."""

from tasks.registry.versions import Dataset, Retrained, Stage, Version

__all__ = ["Dataset", "Retrained", "Stage", "Version"]
