"""Doorbells: a queue message that says "there is work for this model", nothing more.

Losing one costs seconds: the keeper rings again for every run that nobody claimed.
"""

import logging
from collections.abc import Iterable, Sequence

from django.conf import settings
from django.utils import timezone
from kombu.exceptions import OperationalError

from playground.celery import app, queue_of
from playground.models import Run

log = logging.getLogger(__name__)


def ring(model: str, runs: Iterable[Run], times: int = 1) -> bool:
    """Rings for ``model`` and notes it on ``runs``; False when the broker does not answer."""
    try:
        for _ in range(times):
            # A doorbell that waited a minute has been repeated; letting it expire keeps the queue short.
            app.send_task("playground.generate", args=[model], queue=queue_of(model), expires=60, retry=False)
    except (OperationalError, OSError) as error:
        log.warning("The broker does not answer (%s); the keeper will ring again.", error)
        return False
    # After the ring, so that nobody waits for this write; a crash between costs one more ring.
    Run.objects.filter(pk__in=[run.pk for run in runs]).update(rung_at=timezone.now())
    return True


def ring_for_all(model: str, runs: Sequence[Run]) -> bool:
    """Rings for many runs: one ring wakes one thread, which then takes run after run."""
    return ring(model, runs, times=min(len(runs), settings.ENGINE_SLOTS))


def ring_ahead(model: str, user: str, prompt_ids: Sequence[int]) -> None:
    """Tells a worker what somebody is about to run; nothing is lost if nobody hears it."""
    args = [model, user, list(prompt_ids)]
    try:
        app.send_task("playground.prefetch", args=args, queue=queue_of(model), expires=5, retry=False)
    except (OperationalError, OSError) as error:
        log.debug("The broker does not answer (%s); the run itself will ring.", error)
