"""What can go wrong, by what has to happen next."""

import errno


class ShoprecError(Exception):
    """An error whose text tells a person what was wrong, where, and what to do; shown without a traceback."""


class TransientError(ShoprecError):
    """The outside world failed in a way that may pass (a locked database, a lost connection): retried."""


class DataContractError(ShoprecError):
    """Data that breaks the contract: the flow stops, and the last good data and the registry stay as they are."""


class ParamsError(ShoprecError):
    """`params.yaml` names an unknown key, a mistyped value, or values that do not fit together."""


class BrokenCheckError(ShoprecError):
    """A check could not be carried out, so nothing is known about the data: neither good nor bad."""


def is_full_disk(error: OSError) -> bool:
    """Whether no space was left, on the disk or of the user's quota: a person has to free some."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)
