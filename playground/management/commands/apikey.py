"""API keys from the terminal, for operators: make one, list them, revoke one."""

import uuid
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser

from playground.access import Verb, personal_team_for, teams_of
from playground.actions import api_keys
from playground.errors import Refusal
from playground.management.commands.complete import user_called
from playground.models import ApiKey, Team
from playground.models.api_key import Scope
from playground.specs import checked


class Command(BaseCommand):
    help = (
        "Makes, lists and revokes API keys. `create` prints the key alone on its last line, and only there."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        create = acts.add_parser("create", help="make a key")
        create.add_argument("--name", required=True, help="what it is for")
        create.add_argument("--user", help="user name (default: the owner)")
        create.add_argument(
            "--team", help="name or id of one of the user's teams (default: the personal one)"
        )
        create.add_argument(
            "--scopes", nargs="+", choices=Scope.values, default=["read", "run"], help="(default: read run)"
        )
        create.add_argument("--days", type=int, default=90, help="good for so long; 0: until it is revoked")
        acts.add_parser("list", help="list the keys of everybody").add_argument("--user", help="of one user")
        acts.add_parser("revoke", help="end a key at once").add_argument("id", type=uuid.UUID)

    def handle(self, *args: Any, act: str, **options: Any) -> None:
        {"create": self.create, "list": self.list, "revoke": self.revoke}[act](options)

    def create(self, options: dict[str, Any]) -> None:
        user = user_called(options["user"])
        try:
            team = team_called(options["team"], user)
            wanted = checked(api_keys.NewApiKey, {name: options[name] for name in ("name", "scopes", "days")})
            key, secret = api_keys.make(team, user, wanted)
        except Refusal as error:
            raise CommandError(error.message) from None
        self.stderr.write(f"{words(key)}. It is shown only now:")
        self.stdout.write(secret)

    def list(self, options: dict[str, Any]) -> None:
        keys = ApiKey.objects.select_related("team", "user").order_by("-created_at")
        if options["user"]:
            keys = keys.filter(user=user_called(options["user"]))
        for key in keys:
            used = f"last used {key.last_used_at:%Y-%m-%d %H:%M}" if key.last_used_at else "never used"
            self.stdout.write(f"{key.pk}  {key.shown}…  {words(key)}, {used}")

    def revoke(self, options: dict[str, Any]) -> None:
        key = ApiKey.objects.select_related("team", "user").filter(pk=options["id"]).first()
        if key is None:
            raise CommandError(
                f"There is no API key {options['id']}; `manage.py apikey list` shows them all."
            )
        api_keys.revoke(key, None)
        self.stderr.write(f"{key.name} of {key.user.username} opens nothing any more.")


def team_called(name: str | None, user: User) -> Team:
    """One of the teams in which ``user`` may run; raises CommandError if none or several are called so."""
    if name is None:
        return personal_team_for(user, Verb.RUN)
    found = [team for team in teams_of(user, Verb.RUN) if name in (team.name, str(team.pk))]
    if len(found) != 1:
        many = "no team" if not found else "several teams"
        raise CommandError(f"{user.username} may run in {many} called {name!r}; give its id instead.")
    return found[0]


def words(key: ApiKey) -> str:
    until = f"until {key.expires_at:%Y-%m-%d}" if key.expires_at else "until it is revoked"
    state = key.ending or f"good {until}"
    return f"{key.name}: {key.user.username} in {key.team.name}, {' '.join(key.scopes)}, {state.rstrip('.')}"
