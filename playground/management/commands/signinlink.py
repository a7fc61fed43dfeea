"""Prints a one-time sign-in link, for operators who lost their password."""

from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.urls import reverse

from playground.actions.teams import ensure_owner
from playground.models import SignInLink


def link_for(user: User) -> str:
    return str(settings.SITE_URLS[0]) + reverse("welcome", args=[SignInLink.make(user)])


class Command(BaseCommand):
    help = "Prints a link that signs one user in once, within 24 hours (default: the owner)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--user", help="user name")

    def handle(self, *args: Any, user: str | None, **options: Any) -> None:
        found = User.objects.filter(username=user).first() if user else ensure_owner()
        if found is None:
            raise CommandError(f"There is no user called {user!r}.")
        self.stdout.write(link_for(found))
