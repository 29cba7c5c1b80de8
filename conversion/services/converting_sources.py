"""What of the server's disk may be converted: what lies inside ALLOWED_DATA_PATHS, links followed.

Readers follow links, as labs gather slices by them; so what the links lead to is judged, too.
"""

import os
from collections.abc import Iterable
from pathlib import Path

from django.conf import settings

from conversion.runner import JobFailed
from datasets.properties.sentences import printable
from datasets.storage import local
from sharing.errors import Invalid


def allowed_source(path: str) -> Path:
    """The real path of images that lie on the server's disk; asked again before they are read.

    Raises Invalid for what is outside of ALLOWED_DATA_PATHS, whether it is there or not, and for
    what is not there.
    """
    places = settings.ALLOWED_DATA_PATHS
    if not places:
        raise Invalid(
            "No path can be converted: name the directories that may be read in the setting "
            "ALLOWED_DATA_PATHS."
        )
    real = Path(os.path.realpath(path)) if path.startswith("/") and "\0" not in path else None
    if real is None or not _is_in_places(real):
        raise Invalid(
            f"'{path}' is not inside {' or '.join(map(str, places))}, which ALLOWED_DATA_PATHS "
            "names. Give a whole path that is, links followed."
        )
    if _is_own(real):
        raise Invalid(f"'{path}' leads to the site's own files.")
    if not real.exists():
        raise Invalid(f"There is no '{path}'. Check how it is written.")
    return real


def require_allowed_links(source: Path) -> None:
    """Refuse a folder with a link, however deep, to what may not be read.

    Asked before any file is opened, so that no message tells what such a file holds. Raises
    JobFailed.
    """
    waiting, seen = [source] if source.is_dir() else [], set()
    while waiting:
        folder = waiting.pop()
        real = os.path.realpath(folder)
        if real in seen:  # links can make circles
            continue
        seen.add(real)
        with os.scandir(folder) as entries:
            for entry in entries:
                path = Path(entry.path)
                if entry.is_symlink():
                    require_allowed_files(source, [path])
                    is_folder = path.is_dir()
                else:
                    is_folder = entry.is_dir()
                if is_folder:
                    waiting.append(path)


def require_allowed_files(source: Path, files: Iterable[Path]) -> None:
    """Refuse what was found in `source` where it is made of files that may not be read.

    Headers name further files, too. Raises JobFailed.
    """
    for file in files:
        real = Path(os.path.realpath(file))
        if not _is_in_places(real) or _is_own(real):
            inside = file.relative_to(source) if file.is_relative_to(source) else Path(file.name)
            raise JobFailed(  # without where it leads: many see why a job failed
                f"'{printable(str(inside if inside.name else source.name))}' leads, by a link or "
                "a path in a file, to where no images may be read.",
                "Put the file itself there, or ask the operator to add the place where it lies to "
                "ALLOWED_DATA_PATHS.",
            )


def _is_in_places(real: Path) -> bool:
    return any(real.is_relative_to(place) for place in settings.ALLOWED_DATA_PATHS)


def _is_own(real: Path) -> bool:
    """Whether it is the site's, datasets among it."""
    published = os.path.realpath(settings.BINARY_DATA_DIR)
    return local.is_private(real) or real.is_relative_to(published)
