"""What a team's work takes in the database, in bytes by kind."""

from dataclasses import dataclass
from typing import Any

from django.db.models import BinaryField, Count, F, Func, IntegerField, Sum, Value
from django.db.models.functions import Cast, Coalesce

from playground.models import ShareLink, Team

TOKENS = ("tokens", "begun", "scores", "prompt_ids")  # columns of a run
TEXTS = ("text", "prompt_text", "spec", "messages")


class Bytes(Func):
    """Stored bytes of a column; null counts nothing. On PostgreSQL that is after its own compression."""

    function = "pg_column_size"
    output_field = IntegerField()

    def as_sqlite(self, compiler: Any, connection: Any, **options: Any) -> Any:
        """A BLOB's length is known without reading it; of a text, LENGTH would count characters."""
        (column,) = self.get_source_expressions()
        if not isinstance(column.output_field, BinaryField):
            self = self.copy()
            self.set_source_expressions([Cast(column, BinaryField())])
        return self.as_sql(compiler, connection, function="LENGTH", **options)


@dataclass(frozen=True)
class Storage:
    experiments: int
    runs: int
    tokens: int
    texts: int
    snapshots: int

    @property
    def total(self) -> int:
        return self.tokens + self.texts + self.snapshots


def of_team(team: Team) -> Storage:
    """Deleted work counts until it is removed."""
    runs = team.runs.aggregate(
        count=Count("pk"),
        tokens=total(*TOKENS),
        texts=total(*TEXTS),
    )
    snapshots = ShareLink.objects.filter(team=team).aggregate(bytes=total("snapshot"))["bytes"]
    return Storage(team.experiments.count(), runs["count"], runs["tokens"], runs["texts"], snapshots)


def total(*columns: str) -> Any:
    """The sum of the bytes of ``columns`` over all rows; 0 of none."""
    parts = [Coalesce(Bytes(F(column)), Value(0)) for column in columns]
    whole: Any = parts[0]
    for part in parts[1:]:
        whole = whole + part
    return Coalesce(Sum(whole, output_field=IntegerField()), Value(0))
