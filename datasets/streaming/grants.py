"""Grants: links through which nginx finds the files of a mag that somebody may read.

    DATA_DIR/grants/<window>/<opening> -> the mag's directory

The opening is what all addresses of the mag share: token, dialect, dataset, layer, mag
(webknossos_site/deploy/nginx.conf). A window is ten seconds of the clock. nginx looks only into the
one of the moment, so that a grant ends with its window without anybody's doing, and whoever may
still read is granted the next one. The directory holds tokens that hold at the moment: nobody but
the site and nginx may enter it, and it belongs in memory.
"""

import logging
import shutil
import threading
import time
from pathlib import Path

from django.conf import settings

WINDOW_SECONDS = 10
# For each process and window. Of a public dataset strangers can make up any number of openings.
_MAX_GRANTS = 1_000

log = logging.getLogger(__name__)
_lock = threading.Lock()
_counted = ("", 0)


def present_window() -> str:
    """The name of the window that holds now, as nginx makes it of its own clock."""
    return str(int(time.time()) // WINDOW_SECONDS)


def grant(window: str, opening: str, directory: str) -> None:
    """Let nginx send the files below `directory` for addresses with this opening.

    `window` is the one in which nginx asked, so that what was decided in it ends with it; where it
    is over, or the clocks of the two differ, nothing is granted. The parts of `opening` are plain
    names. nginx asks again where a grant could not be made: that is only slower.
    """
    if window != present_window() or not _counts(window):
        return
    root = Path(settings.DATA_DIR) / "grants"
    link = root / window / opening
    try:
        root.mkdir(mode=0o700, exist_ok=True)
        _begin(root, window)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(directory)
    except FileExistsError:
        pass
    except OSError as error:
        log.warning("nginx can't be granted the files of a mag in %s: %s", root, error.strerror)


def _counts(window: str) -> bool:
    global _counted
    with _lock:
        counted, number = _counted
        _counted = (window, number + 1 if counted == window else 1)
        return _counted[1] <= _MAX_GRANTS


def _begin(root: Path, window: str) -> None:
    """Make the directory of a window; whoever makes it removes those of all others."""
    try:
        (root / window).mkdir()
    except FileExistsError:
        return
    for folder in root.iterdir():
        if folder.name.isdecimal() and folder.name != window:
            shutil.rmtree(folder, ignore_errors=True)
