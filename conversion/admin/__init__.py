"""Jobs, uploads, and what an operator asks first, in the admin."""

from . import jobs, uploads

__all__ = ["jobs", "uploads"]
