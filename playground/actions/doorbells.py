"""Doorbells: a queue message that says "there is work for this model", nothing more.

Losing one costs seconds: the keeper rings again for every run that nobody claimed.
"""

import logging
from collections.abc import Sequence

from django.conf import settings
from kombu.exceptions import OperationalError

from playground.celery import app, queue_of

log = logging.getLogger(__name__)


def ring(model: str, runs: int = 1) -> bool:
    """Rings for so many runs of ``model``; False when the broker does not answer.

    One ring wakes one thread of a worker, which then takes run after run.
    """
    try:
        for _ in range(min(runs, settings.ENGINE_SLOTS)):
            # A doorbell that waited a minute has been repeated; letting it expire keeps the queue short.
            app.send_task("playground.generate", args=[model], queue=queue_of(model), expires=60, retry=False)
    except (OperationalError, OSError) as error:
        log.warning("The broker does not answer (%s); the keeper will ring again.", error)
        return False
    return True


def ring_ahead(model: str, user: str, prompt_ids: Sequence[int]) -> None:
    """Tells a worker what somebody is about to run; nothing is lost if nobody hears it."""
    args = [model, user, list(prompt_ids)]
    try:
        app.send_task("playground.prefetch", args=args, queue=queue_of(model), expires=5, retry=False)
    except (OperationalError, OSError) as error:
        log.debug("The broker does not answer (%s); the run itself will ring.", error)
