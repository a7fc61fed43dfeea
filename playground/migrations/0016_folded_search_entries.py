"""The words of experiments and runs without case, and those of runs that ended before anybody took them."""

from typing import Any

from django.db import migrations

from playground.models.search_entry import folded, words_of_run

BATCH = 500


def fill(apps: Any, editor: Any) -> None:
    """By the code of today, since what is looked for is folded by it, too."""
    entries = apps.get_model('playground', 'SearchEntry').objects
    entries.exclude(run=None).delete()
    for batch in _batches(entries.filter(run=None)):
        for entry in batch:
            entry.body = folded(entry.body)
        entries.bulk_update(batch, ['body'])
    runs = apps.get_model('playground', 'Run').objects.exclude(experiment=None)
    for batch in _batches(runs.only('experiment_id', 'text', 'prompt_text')):
        entries.bulk_create(
            entries.model(run_id=run.pk, experiment_id=run.experiment_id, body=folded(words_of_run(run)))
            for run in batch
        )


def _batches(rows: Any) -> Any:
    """Lists of at most BATCH rows, since texts are long; by key, as they are changed in between."""
    rest = ordered = rows.order_by('pk')
    while batch := list(rest[:BATCH]):
        yield batch
        rest = ordered.filter(pk__gt=batch[-1].pk)


class Migration(migrations.Migration):

    dependencies = [('playground', '0015_api_keys')]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
