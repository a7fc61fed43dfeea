from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('playground', '0002_models_on_demand'),
    ]

    operations = [
        migrations.AddField(
            model_name='experiment',
            name='inputs',
            field=models.JSONField(default=list),
        ),
    ]
