"""What each run asked of its model, as a hash: boards compare it instead of reading the specs."""

from typing import Any

from django.db import migrations, models
from pydantic import ValidationError

from playground.specs import PromptSpec

BATCH = 500


def fill(apps: Any, editor: Any) -> None:
    """By the code of today, since the hashes of boards are made by it, too."""
    runs, batch = apps.get_model('playground', 'Run').objects, []
    for run in runs.only('spec').iterator(BATCH):
        try:
            run.asks_hash = PromptSpec.model_validate(run.spec).asks_hash()
        except ValidationError:
            continue  # no board would ask this today, and the empty hash is that of none
        batch.append(run)
        if len(batch) == BATCH:
            runs.bulk_update(batch, ['asks_hash'])
            batch = []
    runs.bulk_update(batch, ['asks_hash'])


class Migration(migrations.Migration):

    dependencies = [('playground', '0011_lists_without_the_deleted')]

    operations = [
        migrations.AddField(
            model_name='run',
            name='asks_hash',
            field=models.CharField(blank=True, max_length=64),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
