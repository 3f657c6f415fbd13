"""What Prefect shows in a terminal of errors that explain themselves."""

import logging

from tasks.errors import ShoprecError


class _WithoutOurTraceback(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info and isinstance(record.exc_info[1], ShoprecError):
            record.exc_info, record.exc_text = None, None
        return True


def show_no_traceback_of_ours() -> None:
    """A ShoprecError says what to do; sixty lines of Prefect's engine around it hide that."""
    for handler in logging.getLogger().handlers:
        handler.addFilter(_WithoutOurTraceback())
