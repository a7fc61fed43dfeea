"""The data folder: where it is, its secret key, and the place of its socket."""

import os
import secrets
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

SOCKET_PATH_LIMIT = 100  # bytes; the kernel's sun_path holds 108 (Linux) or 104 (macOS)


def data_dir(value: str, base: Path) -> Path:
    """The absolute data folder (default ``var/`` in the checkout), made if missing."""
    folder = Path(value).expanduser().absolute() if value else base / "var"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ImproperlyConfigured(
            f"The data folder {folder} cannot be made ({error.strerror}); set FEWSHOT_DATA to another one."
        ) from error
    return folder


def secret_key(folder: Path) -> str:
    """The instance's secret key, made once and readable by its owner only."""
    path = folder / "secret_key"
    try:
        # O_EXCL: of several programs starting at once exactly one writes, the others read.
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(50))
    except FileExistsError:
        pass
    if not (key := path.read_text().strip()):
        raise ImproperlyConfigured(f"{path} is empty; delete it and start again.")
    return key


def socket_path(path: Path) -> Path:
    """``path``, if a Unix socket can have it: addresses hold about a hundred bytes."""
    if len(os.fsencode(path)) > SOCKET_PATH_LIMIT:
        raise ImproperlyConfigured(
            f"The path {path} is too long for a Unix socket; set FEWSHOT_DATA to a shorter one, or REDIS_URL."
        )
    return path
