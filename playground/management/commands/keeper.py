"""The keeper: leases, lost doorbells, deadlines, what is deleted or too old.

One small loop; several at once do no harm.
"""

import logging
import signal
import sys
import time
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import close_old_connections
from django.db.utils import Error as DatabaseError
from django.utils import timezone

from playground.actions.deletions import purge
from playground.actions.retention import prune
from playground.actions.rooms import forget_idle
from playground.actions.runs import keep_alive
from playground.models import SignInLink, WorkerLease

log = logging.getLogger(__name__)

PRUNE_EVERY = 60.0  # seconds; a round that was cut short goes on in the next one


class Command(BaseCommand):
    help = (
        "Requeues runs of lost workers, rings lost doorbells again, ends what is overdue, removes old rows."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: sys.exit(0))  # every step is one statement: any instant will do
        prune_at = 0.0
        while True:
            time.sleep(settings.HEARTBEAT)
            close_old_connections()
            try:
                keep_alive()
                forget_old()
                purge()
                if time.monotonic() >= prune_at:
                    prune()
                    prune_at = time.monotonic() + PRUNE_EVERY
            except DatabaseError:
                log.exception("A round failed; the next one tries again.")


def forget_old() -> None:
    """Rows that only matter while they are fresh."""
    day_ago = timezone.now() - timedelta(days=1)
    WorkerLease.objects.filter(seen_at__lt=day_ago).delete()
    SignInLink.objects.filter(expires_at__lt=day_ago).delete()
    forget_idle()
