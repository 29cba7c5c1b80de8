"""Runs one job: claims it, keeps its lease alive, does its work, and says how it ended.

Expected failures carry their cause and advice; for a crash people get a reference under which the
operator finds it in the log. A job that was claimed is never left without an end or a lease that
runs out.
"""

import errno
import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from django.db import DatabaseError, InterfaceError, OperationalError, connection

from datasets.properties.sentences import printable
from sharing.errors import ServiceError

from .models import Job
from .services import jobs
from .services.jobs import Cancelled, LeaseLost

logger = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 15.0
CANCEL_SECONDS = 2.0
PROGRESS_SECONDS = 1.0
_FULL = {errno.ENOSPC, errno.EDQUOT}
_PASSING = {errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EAGAIN, errno.EBUSY, errno.ENOTCONN}


class JobFailed(Exception):
    """An expected failure: why, and what to do. A temporary one is tried again by itself.

    `asks` names the arguments that a person has to give for a retry, and what can be chosen.
    """

    def __init__(
        self,
        cause: str,
        advice: str = "",
        *,
        is_temporary: bool = False,
        asks: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(cause)
        self.cause = printable(cause)
        self.advice = printable(advice)
        self.is_temporary = is_temporary
        self.asks = asks or {}


class Run:
    """A job in the hands of its work. Every method raises LeaseLost or Cancelled once the work has
    to stop; let them pass.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self.stop: LeaseLost | Cancelled | None = None  # set by the heartbeat
        self._shown_at = float("-inf")

    def check(self) -> None:
        """Go on only if the job is still ours and wanted."""
        if self.stop is not None:
            raise self.stop

    def progress(
        self,
        stage: str,
        percentage: float | None = None,
        message: str = "",
        *,
        bytes_per_second: float | None = None,
        seconds_left: float | None = None,
    ) -> None:
        """Show how far it is; cheap to call often."""
        self.check()
        now = time.monotonic()
        if stage == self.job.stage and now < self._shown_at + PROGRESS_SECONDS:
            return
        self._shown_at = now
        jobs.progress(
            self.job,
            stage=stage,
            percentage=percentage,
            message=message,
            bytes_per_second=bytes_per_second,
            seconds_left=seconds_left,
        )

    def log(self, text: str, *, is_problem: bool = False) -> None:
        """Add a line to the job's log."""
        self.check()
        jobs.log(self.job, text, is_problem=is_problem)


Work = Callable[[Run], dict[str, Any]]
"""Does a job and returns its result, JSON-able. It may run again after a crash: it must not mind
what an earlier attempt has left.
"""


@dataclass(frozen=True)
class Handler:
    """What is done for a kind of job, and what once it is over, whatever way it ended."""

    work: Work
    notify: Callable[[Job], None] | None


_handlers: dict[str, Handler] = {}


def register(kind: Job.Kind, *, work: Work, notify: Callable[[Job], None] | None = None) -> None:
    """Say what a kind of job does, and who is told in the end; by default nobody."""
    _handlers[kind.value] = Handler(work, notify)


def kinds() -> frozenset[str]:
    """The kinds of jobs that can be done; jobs of other kinds wait."""
    return frozenset(_handlers)


def run(job_id: str) -> None:
    """Run the job, unless somebody else has it, it is over, or nobody can do it yet."""
    if not Job.objects.filter(pk=job_id, kind__in=kinds()).exists():
        return
    job = jobs.claim(job_id)
    if job is None:
        return
    this_run = Run(job)
    try:
        with _kept_alive(this_run):
            _work(this_run)
    except LeaseLost:
        logger.warning("job %s was lost to another worker", job_id)
        return
    except DatabaseError:
        # Its lease runs out, and the watchdog takes it from there.
        logger.exception("job %s could not be brought to an end", job_id)
        return
    job.refresh_from_db()
    notify(job)


def notify(job: Job) -> None:
    """Tell people of a job that is over, once. Trouble with that is only logged."""
    if not job.is_final or job.kind not in _handlers:
        return
    if not Job.objects.filter(pk=job.pk, notified=None).exists():
        return
    try:
        if (tell := _handlers[job.kind].notify) is not None:
            tell(job)
    except Exception:
        logger.exception("nobody could be told of job %s", job.pk)
    jobs.mark_told(job)  # of some jobs there is nothing to tell


def _work(this_run: Run) -> None:
    job = this_run.job
    try:
        if job.cancel_requested:
            raise Cancelled
        result = _handlers[job.kind].work(this_run)
    except Cancelled:
        jobs.acknowledge_cancel(job)
    except LeaseLost:
        raise
    except Exception as error:
        failure = _explained(error, job)
        if failure.is_temporary:
            jobs.put_back(job, cause=failure.cause, advice=failure.advice)
        else:
            jobs.fail(job, cause=failure.cause, advice=failure.advice, asks=failure.asks)
    except BaseException:  # the worker is being stopped
        with suppress(LeaseLost, DatabaseError):  # the watchdog sees to it
            jobs.hand_back(job)
        raise
    else:
        jobs.succeed(job, result)


def _explained(error: Exception, job: Job) -> JobFailed:
    """Expected failures in their own words; of a crash only where to find it."""
    match error:
        case JobFailed():
            return error
        case ServiceError():
            return JobFailed(str(error))
        case OSError() if error.errno in _FULL:
            return JobFailed(
                "The disk is full.",
                "Free space or ask the operator to, then retry.",
                is_temporary=True,
            )
        case OSError() if error.errno in _PASSING:
            return JobFailed(
                f"The disk did not answer ({error.strerror}).",
                "Ask the operator to check the disk, then retry.",
                is_temporary=True,
            )
        case OperationalError() | InterfaceError():
            logger.warning("job %s met a database fault", job.pk, exc_info=error)
            return JobFailed(
                "The database did not answer.", "Retry in some minutes.", is_temporary=True
            )
    reference = secrets.token_hex(4)
    logger.error("job %s crashed (reference %s)", job.pk, reference, exc_info=error)
    return JobFailed(
        "Something unexpected went wrong.",
        f"Retry; if it happens again, give your operator the reference {reference}.",
    )


@contextmanager
def _kept_alive(this_run: Run) -> Iterator[None]:
    """From a thread, renew the lease and notice a cancellation, until the work is over."""
    over = threading.Event()

    def renew() -> None:
        renewed_at = time.monotonic()
        try:
            while not over.wait(min(CANCEL_SECONDS, HEARTBEAT_SECONDS)):
                now = time.monotonic()
                is_due = now >= renewed_at + HEARTBEAT_SECONDS
                try:
                    (jobs.renew if is_due else jobs.require_wanted)(this_run.job)
                except LeaseLost as lost:
                    this_run.stop = lost
                    return
                except (
                    Cancelled
                ) as cancelled:  # to stop and to tidy up may take longer than a lease
                    this_run.stop = cancelled
                except DatabaseError:
                    logger.warning("the lease of job %s was not renewed", this_run.job.pk)
                    continue
                if is_due:
                    renewed_at = now
        finally:
            connection.close()

    thread = threading.Thread(target=renew, name=f"heartbeat of {this_run.job.pk}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
