"""Secrets that stand in links: shown once, stored as a hash."""

import hashlib
import secrets


def new_secret() -> str:
    """256 random bits, safe in a URL."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """What is stored. The secret is random, so that a plain hash cannot be guessed from."""
    return hashlib.sha256(secret.encode()).hexdigest()
