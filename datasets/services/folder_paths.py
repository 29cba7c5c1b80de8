"""The paths of folders for lists: many folders at once, one query."""

from collections.abc import Collection

from django.db import connection

from datasets.models import Folder

_UPWARDS = """
WITH RECURSIVE chain(start, id, parent_id, name, distance) AS (
    SELECT id, id, parent_id, name, 0 FROM {table} WHERE id IN ({placeholders})
    UNION ALL
    SELECT chain.start, folder.id, folder.parent_id, folder.name, chain.distance + 1
    FROM {table} folder JOIN chain ON folder.id = chain.parent_id
)
SELECT start, name FROM chain ORDER BY start, distance DESC
"""


def paths_of(folder_ids: Collection[str]) -> dict[str, tuple[str, ...]]:
    """For each folder, the names from the root's down to its own."""
    if not folder_ids:
        return {}
    query = _UPWARDS.format(
        table=connection.ops.quote_name(Folder._meta.db_table),
        placeholders=", ".join(["%s"] * len(folder_ids)),
    )
    paths: dict[str, tuple[str, ...]] = {}
    with connection.cursor() as cursor:
        cursor.execute(query, list(folder_ids))
        for folder_id, name in cursor.fetchall():
            paths[folder_id] = (*paths.get(folder_id, ()), name)
    return paths
