"""The Celery app: one queue per model, doorbells only."""

import os
import warnings

from celery import Celery
from celery.exceptions import SecurityWarning

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "playground.settings")

from django.conf import settings

# Messages are JSON, so the danger this warning names for root does not exist here.
warnings.filterwarnings("ignore", category=SecurityWarning)

app = Celery("playground", broker=settings.BROKER_URL, set_as_current=True)
app.conf.update(
    task_serializer="json",
    accept_content=["json"],
    task_ignore_result=True,
    task_store_errors_even_if_ignored=False,
    # The row is the truth and the keeper repeats lost doorbells: late acknowledgement gains nothing.
    task_acks_late=False,
    worker_prefetch_multiplier=1,
    worker_cancel_long_running_tasks_on_connection_loss=False,  # threads cannot be cancelled
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_transport_options={"visibility_timeout": 6 * 3600, "socket_connect_timeout": 2},
    worker_hijack_root_logger=False,
    worker_send_task_events=False,
    imports=["playground.tasks"],
)


def queue_of(model: str) -> str:
    return f"model.{model}"
