"""The index of full-text search, and the words of what is there already."""

from typing import Any

from django.db import migrations

SQLITE = [
    """CREATE VIRTUAL TABLE playground_searchindex USING fts5(
        body, content='playground_searchentry', content_rowid='id', tokenize='unicode61 remove_diacritics 2')""",
    """CREATE TRIGGER playground_searchentry_made AFTER INSERT ON playground_searchentry BEGIN
        INSERT INTO playground_searchindex (rowid, body) VALUES (new.id, new.body); END""",
    """CREATE TRIGGER playground_searchentry_gone AFTER DELETE ON playground_searchentry BEGIN
        INSERT INTO playground_searchindex (playground_searchindex, rowid, body)
        VALUES ('delete', old.id, old.body); END""",
    """CREATE TRIGGER playground_searchentry_changed AFTER UPDATE ON playground_searchentry BEGIN
        INSERT INTO playground_searchindex (playground_searchindex, rowid, body)
        VALUES ('delete', old.id, old.body);
        INSERT INTO playground_searchindex (rowid, body) VALUES (new.id, new.body); END""",
]
POSTGRESQL = [
    "CREATE INDEX playground_searchentry_words ON playground_searchentry USING gin (to_tsvector('simple', body))"
]
BACK = {
    'sqlite': [
        'DROP TRIGGER playground_searchentry_made',
        'DROP TRIGGER playground_searchentry_gone',
        'DROP TRIGGER playground_searchentry_changed',
        'DROP TABLE playground_searchindex',
    ],
    'postgresql': ['DROP INDEX playground_searchentry_words'],
}
MOST = 20_000


def make(apps: Any, editor: Any) -> None:
    for statement in POSTGRESQL if editor.connection.vendor == 'postgresql' else SQLITE:
        editor.execute(statement)


def drop(apps: Any, editor: Any) -> None:
    for statement in BACK[editor.connection.vendor]:
        editor.execute(statement)


def fill(apps: Any, editor: Any) -> None:
    entries = apps.get_model('playground', 'SearchEntry').objects
    for one in apps.get_model('playground', 'Experiment').objects.all().iterator(200):
        draft = one.draft
        texts = [one.title, one.scope, draft.get('instruction', ''), *draft.get('input', {}).values()]
        for example in draft.get('examples', []):
            texts += [*example.get('values', {}).values(), example.get('output', '')]
        body = '\n'.join(text for text in texts if text)[:MOST]
        entries.update_or_create(experiment_id=one.pk, run=None, defaults={'body': body})
    runs = apps.get_model('playground', 'Run').objects.exclude(experiment=None).exclude(finished_at=None)
    for run in runs.only('experiment_id', 'text', 'prompt_text').iterator(200):
        body = f'{run.text[: MOST // 2]}\n{run.prompt_text}'[:MOST]
        entries.update_or_create(run_id=run.pk, defaults={'body': body, 'experiment_id': run.experiment_id})


class Migration(migrations.Migration):

    dependencies = [('playground', '0009_experiment_edited_by')]

    operations = [
        migrations.RunPython(make, drop),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
