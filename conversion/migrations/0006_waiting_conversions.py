"""Datasets that wait for the converter since before there was one say so in today's words."""

from django.db import migrations

BEFORE = "Uploaded, and waiting to be converted."
SINCE = "Waiting to be converted."


def rename(before: str, since: str):
    def run(apps, schema_editor):
        datasets = apps.get_model("datasets", "Dataset").objects
        datasets.filter(status=before).update(status=since)

    return run


class Migration(migrations.Migration):
    dependencies = [
        ("conversion", "0005_jobs_of_datasets"),
        ("datasets", "0003_references_reservations_and_used_storage"),
    ]

    operations = [migrations.RunPython(rename(BEFORE, SINCE), rename(SINCE, BEFORE))]
