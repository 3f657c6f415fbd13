"""`params.yaml` as frozen values; every key is explained beside its type."""

from tasks.params.params import Params, load_params

__all__ = ["Params", "load_params"]
