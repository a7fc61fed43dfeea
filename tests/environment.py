"""A data folder of its own for the tests. Loaded as a plugin (``-p``), before Django reads its settings."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
INSTALLED = Path(os.environ.get("FEWSHOT_DATA") or ROOT / "var").absolute() / "models"

data = Path(tempfile.mkdtemp(prefix="fewshot-"))
(data / "static").mkdir()
atexit.register(shutil.rmtree, data, ignore_errors=True)
(data / "models").symlink_to(INSTALLED)
os.environ["FEWSHOT_DATA"] = str(data)
os.environ["FEWSHOT_TEST_MODELS"] = str(INSTALLED)
# Playwright keeps an event loop running in the main thread, where Django would refuse the database.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
# Of tests side by side each has one processor; more threads than processors wait for each other.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ["OMP_NUM_THREADS"] = "1"
