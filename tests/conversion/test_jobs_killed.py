"""A worker that is killed in the middle of a job, as a real process."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Each step is a process of its own, as workers, beat and web are.
PRELUDE = """
import os, sys, time, pathlib
import django
django.setup()
from datetime import timedelta
from django.utils import timezone
from conversion import runner
from conversion.models import Job
from conversion.services import jobs, jobs_watching
"""
CREATE = """
from sharing.services.organizations import create_organization
lab = create_organization(organization_id="lab", name="Lab")
print(jobs.create(kind=Job.Kind.SCAN, organization=lab).pk)
"""
WORK = """
def work(run):
    print("working", flush=True)
    if sys.argv[1] == "for ever":
        time.sleep(3600)
    return {"attempt": run.job.attempt}
runner.register(Job.Kind.SCAN, work=work, notify=lambda job: None)
runner.run(Job.objects.get().pk)
"""
WATCH = """
jobs_watching.look_after([Job.Kind.SCAN])
Job.objects.update(lease_until=timezone.now() - timedelta(seconds=1))  # a minute later
jobs_watching.look_after([Job.Kind.SCAN])
"""
SHOW = """
job = Job.objects.get()
print(job.state, job.attempt, job.result.get("attempt"), job.log_lines.count())
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "DJANGO_SETTINGS_MODULE": "webknossos_site.settings",
        "DATA_DIR": str(tmp_path),
    }


def start(environment: dict[str, str], script: str, *arguments: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", PRELUDE + script, *arguments]
    return subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def output_of(environment: dict[str, str], script: str, *arguments: str) -> str:
    with start(environment, script, *arguments) as process:
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return output.strip()


def test_the_watchdog_puts_a_killed_workers_job_back_and_the_next_run_finishes_it(
    environment: dict[str, Any],
) -> None:
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity=0"],
        env=environment,
        cwd=ROOT,
        check=True,
    )
    output_of(environment, CREATE)
    with start(environment, WORK, "for ever") as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "working\n"
        worker.send_signal(signal.SIGKILL)
    assert output_of(environment, SHOW) == "STARTED 1 None 0"
    output_of(environment, WATCH)
    assert output_of(environment, SHOW) == "PENDING 1 None 1"
    assert output_of(environment, WORK, "to the end") == "working"
    assert output_of(environment, SHOW) == "SUCCESS 2 2 1"
