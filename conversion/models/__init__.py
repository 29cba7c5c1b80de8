"""The tables of jobs."""

from .job import Job, JobLogLine

__all__ = ["Job", "JobLogLine"]
