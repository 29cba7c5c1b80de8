"""How fast a page of datasets comes at 100,000 datasets, for people of many, few and rare teams.

    DATABASE_URL=postgresql://... .venv/bin/python bench/listing/run.py [number of datasets]

Fills its own database (the name of DATABASE_URL, or SQLite in a temporary directory), then prints
milliseconds (median of 15) for the first page of 50, a page far behind, and a search, beside
django-guardian's own query for the same grants as the peer.
"""

import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DATA_DIR", tempfile.mkdtemp(prefix="bench-listing-"))
os.environ["DJANGO_SETTINGS_MODULE"] = "webknossos_site.settings"

import django

django.setup()

from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.db import connection
from django.db.models import Q
from django.utils import timezone

from datasets.models import Dataset, DatasetGroupObjectPermission, DatasetTeam
from datasets.services.data_stores import local_data_store
from datasets.services.folders import root_of
from sharing.access import Actor
from sharing.models import Organization, Team
from sharing.services.organizations import create_organization

PAGE = 50
TEAMS = 100


def fill(number: int) -> None:
    """100 teams of very unequal size; each dataset is granted to two or three, 1 % is public."""
    random.seed(1)
    organization = create_organization(organization_id="bench", name="Bench")
    teams = [Team.objects.create(organization=organization, name=f"team {n}") for n in range(TEAMS)]
    weights = [1 / (n + 1) for n in range(TEAMS - 1)] + [0.002]
    folder, store, now = root_of(organization), local_data_store(), timezone.now()
    datasets = Dataset.objects.bulk_create(
        (
            Dataset(
                organization=organization,
                folder=folder,
                data_store=store,
                name=f"sample_{n:06d}_{random.choice(['em', 'lm', 'xray'])}",
                directory_name=f"sample_{n:06d}",
                is_public=random.random() < 0.01,
                created=now - timedelta(minutes=n),
            )
            for n in range(number)
        ),
        batch_size=2000,
    )
    pairs = [
        (dataset, team) for dataset in datasets for team in set(random.choices(teams, weights, k=3))
    ]
    DatasetTeam.objects.bulk_create(
        (DatasetTeam(dataset=dataset, team=team) for dataset, team in pairs), batch_size=5000
    )
    permission = Permission.objects.get(codename="read_dataset")
    DatasetGroupObjectPermission.objects.bulk_create(
        (
            DatasetGroupObjectPermission(
                content_object=dataset, group_id=team.group_id, permission=permission
            )
            for dataset, team in pairs
        ),
        batch_size=5000,
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def median_ms(call: Callable[[], Any], rounds: int = 15) -> float:
    """The median duration of `call` in milliseconds."""
    durations = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        durations.append((time.perf_counter() - start) * 1000)
    return statistics.median(durations)


def main(number: int) -> None:
    """Fill the database if it is empty, then measure."""
    call_command("migrate", verbosity=0)
    if not Organization.objects.filter(pk="bench").exists():
        fill(number)
    teams = list(Team.objects.filter(organization="bench", is_default=False).order_by("created"))
    people = {
        "50 teams": teams[:50],
        "4 teams": teams[10:14],
        "1 rare team": teams[-1:],
        "no team": [],
    }
    middle = Dataset.objects.order_by("-created")[Dataset.objects.count() // 2]
    columns = ("visible", "first page", "deep page", "search", "count", "guardian")
    print(f"{connection.vendor}, {Dataset.objects.count()} datasets; milliseconds")
    print(f"{'':12}" + "".join(f"{column:>12}" for column in columns))
    for name, members in people.items():
        actor = Actor(
            user_id="u", organization_id="bench", team_ids=frozenset(team.pk for team in members)
        )
        groups = [team.group_id for team in members]
        visible = Dataset.objects.of("bench").visible_to(actor).order_by("-created", "-id")
        deep = visible.filter(
            Q(created__lt=middle.created) | Q(created=middle.created, id__lt=middle.pk)
        )
        guardian = Dataset.objects.filter(
            pk__in=DatasetGroupObjectPermission.objects.filter(
                group__in=groups, permission__codename="read_dataset"
            ).values("content_object")
        ).order_by("-created", "-id")
        figures = (
            visible.count(),
            median_ms(lambda q=visible: list(q[: PAGE + 1])),
            median_ms(lambda q=deep: list(q[: PAGE + 1])),
            median_ms(lambda q=visible: list(q.matching("0123 em")[: PAGE + 1])),
            median_ms(lambda q=visible: q[:1001].count()),
            median_ms(lambda q=guardian: list(q[: PAGE + 1])),
        )
        print(f"{name:12}" + "".join(f"{figure:12.1f}" for figure in figures))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
