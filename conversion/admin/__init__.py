"""Jobs, and what an operator asks first, in the admin."""

from . import jobs

__all__ = ["jobs"]
