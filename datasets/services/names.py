"""The rule for a new dataset's name (behaviour of the public API since version 8)."""

import re

MIN_LENGTH = 3
_ALLOWED = re.compile(r"[A-Za-z0-9_\-.]*")


def problems_of_new_name(name: str) -> list[str]:
    """What keeps a dataset from being created as `name`, one sentence each.

    Later it may be renamed to anything: the name at creation becomes its directory's name.
    """
    problems = []
    if len(name) < MIN_LENGTH:
        problems.append(f"A dataset's name has at least {MIN_LENGTH} characters.")
    if name.startswith("."):
        problems.append("A dataset's name does not start with a dot.")
    if not _ALLOWED.fullmatch(name):
        problems.append("A dataset's name has only letters, digits, '_', '-' and '.'.")
    return problems
