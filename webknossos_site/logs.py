"""What the log must not hold: the secrets that stand in addresses."""

import logging
import re

_SECRETS = re.compile(r"(/data/(?:v\d+/)?t/|/auth/invitation/|/auth/password/[^/\s]+/)[^/\s]+")


class WithoutSecrets(logging.Formatter):
    """Writes `...` for tokens in addresses, which Django names when a request is refused."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, with its traceback where there is one."""
        return _SECRETS.sub(r"\1...", super().format(record))
