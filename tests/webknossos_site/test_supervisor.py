"""The processes of `manage.py up` start together and leave nothing behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

PROGRAM = """
import sys
from pathlib import Path
from webknossos_site.supervisor import Supervisor

folder, first = sys.argv[1:]
commands = {
    "first": ["sh", "-c", f"echo $$ > {folder}/first; {first}"],
    "second": ["sh", "-c", f"echo $$ > {folder}/second; "
               f"sleep 600 & echo $! > {folder}/grandchild; wait"],
}
pids = [Path(folder, name) for name in ("first", "second", "grandchild")]
code = Supervisor(commands).run(
    is_ready=lambda: all(pid.exists() and pid.read_text().strip() for pid in pids),
    on_ready=lambda: print("ready", flush=True),
)
sys.exit(code)
"""


def _start(folder: Path, first: str, program: str = PROGRAM) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", program, str(folder), first],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _assert_all_ended(folder: Path) -> None:
    pids = {path.name: int(path.read_text()) for path in folder.iterdir()}
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and any(map(_alive, pids.values())):
        time.sleep(0.05)
    assert {name: pid for name, pid in pids.items() if _alive(pid)} == {}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_every_process_even_grandchildren(
    number: signal.Signals, tmp_path: Path
) -> None:
    process = _start(tmp_path, "sleep 600")
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    os.kill(process.pid, number)
    assert process.wait(30) == 0
    process.stdout.close()
    _assert_all_ended(tmp_path)


def test_when_one_process_ends_by_itself_the_rest_is_stopped_and_it_is_named(
    tmp_path: Path,
) -> None:
    process = _start(tmp_path, f"until [ -s {tmp_path}/grandchild ]; do sleep 0.05; done; exit 3")
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "The first process ended with code 3" in output
    _assert_all_ended(tmp_path)


def test_a_process_that_ignores_the_signal_is_killed_in_the_end(
    tmp_path: Path,
) -> None:
    impatient = "import webknossos_site.supervisor as s; s.GRACE_SECONDS = 0.5"
    program = PROGRAM.replace("code = Supervisor", f"{impatient}\ncode = Supervisor")
    process = _start(tmp_path, "trap '' TERM; while :; do sleep 1; done", program)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.terminate()
    assert process.wait(30) == 0
    process.stdout.close()
    _assert_all_ended(tmp_path)
