"""Folders' paths in lists: one query for a page of rows, whatever their depth."""

from typing import Any, ClassVar

from django.contrib.admin.views.main import ChangeList
from django.db.models import Model
from django.http import HttpRequest

from datasets.services.folder_paths import paths_of


class PathsChangeList(ChangeList):
    """A list whose rows know the path of the folder that `folder_field` names."""

    folder_field: ClassVar[str]

    def get_results(self, request: HttpRequest) -> None:
        """The page's rows, each with its path."""
        super().get_results(request)
        rows: list[Any] = list(self.result_list)
        paths = paths_of({getattr(row, self.folder_field) for row in rows})
        for row in rows:
            row.shown_path = paths[getattr(row, self.folder_field)]
        self.result_list = rows


def path_of(row: Model, folder_id: str) -> str:
    """The path as text; asked for here where the row comes from no list."""
    names = getattr(row, "shown_path", None) or paths_of({folder_id})[folder_id]
    return " / ".join(names)
