"""Workers that convert as real processes: one is killed in the middle, others help."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile

pytestmark = pytest.mark.timeout(600)  # a dozen processes, each of which starts Django

ROOT = Path(__file__).resolve().parents[2]
LAYERS = 4

# Each step is a process of its own, as workers and web are.
PRELUDE = """
import os, sys, time
import django
django.setup()
from datetime import timedelta
from django.conf import settings
from django.utils import timezone
from conversion import runner, tasks
from conversion.models import Job
from conversion.pipeline import convert
from conversion.services import jobs
from datasets.models import Dataset
"""
CREATE = """
from django.core.management import call_command
from sharing.access import actor_for
from sharing.services.organizations import create_organization, create_user
from conversion.services.converting_orders import convert_path
from datasets.properties import VoxelSize
call_command("migrate", verbosity=0)
lab = create_organization(organization_id="lab", name="Lab")
admin = create_user(organization=lab, email="a@example.org", password="long enough", is_admin=True)
(settings.BINARY_DATA_DIR / "lab").mkdir(parents=True)
convert_path(
    actor=actor_for(admin), organization_id="lab", name="brain", path=sys.argv[1],
    voxel_size=VoxelSize(factor=(4, 4, 30)),
)
"""
# It stops after as many units of work as it is told.
WORK = """
do, layers, most = convert._do, convert._layers, int(sys.argv[1])
done, units = [], []
def counted_layers(*arguments):
    found = layers(*arguments)
    units.extend(unit for layer in found for unit in layer.units)
    return found
def counted(unit, *rest):
    if len(done) == most:
        print("in the middle", flush=True)
        time.sleep(3600)
    do(unit, *rest)
    done.append(unit.name)
convert._do, convert._layers = counted, counted_layers
runner.run(Job.objects.get().pk)
print(len(done), "of", len(units))
"""
# It does nothing itself.
WAIT_FOR_HELP = """
next_unit = convert._next
def nothing(units, done, claims):
    if not done:
        print("waiting", flush=True)
    return None
convert._next = nothing
runner.run(Job.objects.get().pk)
"""
HELP = """
do = convert._do
done = []
def counted(unit, *rest):
    do(unit, *rest)
    done.append(unit.name)
convert._do = counted
tasks.help_convert(Job.objects.get().pk)
print(len(done))
"""
WAIT_TO_HELP = """
def nothing(units, done, claims):
    print("helping", flush=True)
    return None
convert._next = nothing
convert.LOOK_SECONDS = 1
tasks.help_convert(Job.objects.get().pk)
"""
WATCH = """
Job.objects.update(lease_until=timezone.now() - timedelta(seconds=1))  # a minute later
tasks.look_after_jobs()
"""
SHOW = """
job, dataset = Job.objects.get(), Dataset.objects.get()
print(job.state, job.attempt, repr(dataset.status), dataset.layers.count(), job.cause)
"""


@pytest.fixture(scope="module")
def ordered(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a site in which the conversion of a folder of folders waits: each becomes
    a layer, and so a unit of work at least.
    """
    directory = tmp_path_factory.mktemp("site")
    images = directory / "images"
    planes = np.random.default_rng(1).integers(0, 255, (2, 40, 50), np.uint8)
    for layer in range(LAYERS):
        (images / f"layer_{layer}").mkdir(parents=True)
        for number, plane in enumerate(planes):
            tifffile.imwrite(images / f"layer_{layer}" / f"{number}.tif", plane)
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "DJANGO_SETTINGS_MODULE": "webknossos_site.settings",
        "DATA_DIR": str(directory / "data"),
        "ALLOWED_DATA_PATHS": str(images),
    }
    output_of(environment, CREATE, str(images))
    return environment


@pytest.fixture
def environment(ordered: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """The same in a data directory of the test's own."""
    shutil.copytree(ordered["DATA_DIR"], tmp_path / "data")
    return {**ordered, "DATA_DIR": str(tmp_path / "data")}


def start(environment: dict[str, str], script: str, *arguments: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", PRELUDE + script, *arguments]
    return subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def output_of(environment: dict[str, str], script: str, *arguments: str) -> str:
    with start(environment, script, *arguments) as process:
        output, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    return output.strip()


def wait_for(process: "subprocess.Popen[str]", line: str) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == f"{line}\n"


def left(environment: dict[str, str]) -> list[str]:
    """The hidden entries beside the dataset."""
    directory = Path(environment["DATA_DIR"]) / "binaryData" / "lab"
    return [entry.name for entry in directory.iterdir() if entry.name.startswith(".")]


def test_a_killed_worker_costs_only_what_it_was_at(environment: dict[str, str]) -> None:
    waiting = "'Waiting to be converted.'"
    with start(environment, WORK, "2") as worker:
        wait_for(worker, "in the middle")
        worker.send_signal(signal.SIGKILL)
    assert output_of(environment, SHOW) == f"STARTED 1 {waiting} 0"
    output_of(environment, WATCH)
    assert output_of(environment, SHOW) == f"PENDING 1 {waiting} 0"
    further, units = output_of(environment, WORK, "1000").split(" of ")
    assert int(further) == int(units) - 2 >= LAYERS - 2
    assert output_of(environment, SHOW) == f"SUCCESS 2 '' {LAYERS}"
    assert left(environment) == []


def test_another_worker_helps(environment: dict[str, str]) -> None:
    assert output_of(environment, HELP) == "0"  # too early: nobody has begun
    with start(environment, WAIT_FOR_HELP) as owner:
        wait_for(owner, "waiting")
        assert int(output_of(environment, HELP)) >= LAYERS
        assert owner.wait(timeout=120) == 0
    assert output_of(environment, SHOW) == f"SUCCESS 1 '' {LAYERS}"
    assert output_of(environment, HELP) == "0"  # too late
    assert left(environment) == []


def test_a_helper_goes_when_the_job_is_cancelled(environment: dict[str, str]) -> None:
    with start(environment, WAIT_FOR_HELP) as owner:
        wait_for(owner, "waiting")
        with start(environment, WAIT_TO_HELP) as helper:
            wait_for(helper, "helping")
            output_of(environment, "jobs.stop(Job.objects.get())")
            assert owner.stdout is not None
            while owner.stdout.readline():  # it says that it waits, again and again
                pass
            assert (owner.wait(timeout=120), helper.wait(timeout=120)) == (0, 0)
    assert output_of(environment, SHOW) == "CANCELLED 1 'The conversion was cancelled.' 0"
    assert left(environment) == []
