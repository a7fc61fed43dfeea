"""The worker of a machine: without a name it loads models on demand, with one it keeps that one loaded."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from playground import catalog
from playground.host import Host


class Command(BaseCommand):
    help = (
        "Serves the models of models.toml that people ask for, within FEWSHOT_MODEL_MEMORY, until it is "
        "told to stop. With a name: that one model, always loaded."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("model", nargs="?", help="name of an entry in models.toml")

    def handle(self, *args: Any, model: str | None, **options: Any) -> None:
        names = catalog.registry().names()
        if model is not None and model not in names:
            raise CommandError(f"models.toml has no model {model!r}; it has {', '.join(names)}.")
        host = Host.of_machine() if model is None else Host.of_one(model)
        host.run()
