from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('playground', '0004_presets'),
    ]

    operations = [
        migrations.AddField(
            model_name='experiment',
            name='inputs',
            field=models.JSONField(default=list),
        ),
    ]
