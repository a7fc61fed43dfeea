"""A data folder and, if asked for, a PostgreSQL of their own for the tests.

Loaded as a plugin (``-p``), before Django reads its settings.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from tests.postgresql import ensure_running

ROOT = Path(__file__).resolve().parents[1]
INSTALLED = Path(os.environ.get("FEWSHOT_DATA") or ROOT / "var").absolute() / "models"

data = Path(tempfile.mkdtemp(prefix="fewshot-"))
(data / "static").mkdir()
atexit.register(shutil.rmtree, data, ignore_errors=True)
(data / "models").symlink_to(INSTALLED)
os.environ["FEWSHOT_DATA"] = str(data)
os.environ["FEWSHOT_TEST_MODELS"] = str(INSTALLED)
if (database := os.environ.get("FEWSHOT_TEST_DATABASE", "sqlite")) == "postgresql":
    os.environ["DATABASE_URL"] = ensure_running()
elif database != "sqlite":
    raise SystemExit(f"FEWSHOT_TEST_DATABASE must be sqlite or postgresql, not {database!r}.")
# Playwright keeps an event loop running in the main thread, where Django would refuse the database.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
# Of tests side by side each has one processor; more threads than processors wait for each other.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ["OMP_NUM_THREADS"] = "1"
