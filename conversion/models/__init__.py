"""The tables of work on data: jobs and uploads."""

from .job import Job, JobLogLine
from .upload import Upload

__all__ = ["Job", "JobLogLine", "Upload"]
