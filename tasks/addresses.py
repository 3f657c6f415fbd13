"""Addresses of servers, databases and remotes, as messages may show them."""

import re


def without_password(address: str) -> str:
    """`scheme://name:secret@host/path` with stars for the secret."""
    return re.sub(r"(://[^:/@]*):[^@/]*@", r"\1:***@", address)
