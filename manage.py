#!/usr/bin/env python
"""Django's command line for this site."""

import gc
import os
import sys

FILE_COMMANDS = {"check-equality", "compress", "convert", "downsample", "export-tiff", "inspect"}
"""Commands on files alone: they need no settings of a site, no database and no data folder."""


def main() -> None:
    from django.conf import settings
    from django.core.management import execute_from_command_line

    if sys.argv[1:2] and sys.argv[1] in FILE_COMMANDS:
        # Else a quarter of the time until they begin goes into looking for garbage.
        gc.set_threshold(100_000)
        settings.configure(INSTALLED_APPS=["conversion.apps.FileCommandsConfig"])
    else:
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webknossos_site.settings")
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
