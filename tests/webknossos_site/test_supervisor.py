"""The processes of `manage.py up` start together and leave nothing behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
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

IMPATIENT = PROGRAM.replace(
    "code = Supervisor",
    "import webknossos_site.supervisor as s; s.FIRST_PAUSE_SECONDS = 0.05\ncode = Supervisor",
)


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


def _wait_until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _assert_all_ended(folder: Path) -> None:
    pids = {path.name: int(path.read_text()) for path in folder.iterdir()}
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and any(map(_alive, pids.values())):
        time.sleep(0.05)
    assert {name: pid for name, pid in pids.items() if _alive(pid)} == {}


def test_what_can_wait_is_started_when_the_rest_is_ready(tmp_path: Path) -> None:
    later = PROGRAM.replace(
        "Supervisor(commands)", "Supervisor({'first': commands.pop('first')}, later=commands)"
    ).replace(
        "all(pid.exists() and pid.read_text().strip() for pid in pids)",
        "pids[0].exists() and not pids[1].exists()",
    )
    process = _start(tmp_path, "sleep 600", later)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    _wait_until(lambda: (tmp_path / "grandchild").exists())
    os.kill(process.pid, signal.SIGTERM)
    assert process.wait(30) == 0
    process.stdout.close()
    _assert_all_ended(tmp_path)


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


def test_signals_in_quick_succession_end_it_as_one_does(tmp_path: Path) -> None:
    """As `make` and a terminal send them, both to the same process."""
    process = _start(tmp_path, "sleep 600")
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    end = time.monotonic() + 0.05  # it looks every 0.1
    while time.monotonic() < end:
        os.kill(process.pid, signal.SIGTERM)
    assert process.wait(30) == 0
    process.stdout.close()
    _assert_all_ended(tmp_path)


def test_a_process_that_ends_before_the_site_was_ready_stops_the_rest_and_is_named(
    tmp_path: Path,
) -> None:
    never = PROGRAM.replace("is_ready=lambda: all(", "is_ready=lambda: False and all(")
    first = f"until [ -s {tmp_path}/grandchild ]; do sleep 0.05; done; exit 3"
    process = _start(tmp_path, first, never)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "The first process ended with code 3; stopping the rest." in output
    _assert_all_ended(tmp_path)


def test_a_process_that_is_killed_is_started_again_without_what_it_left_behind(
    tmp_path: Path,
) -> None:
    process = _start(tmp_path, "sleep 600", IMPATIENT)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    first, second, grandchild = (
        int((tmp_path / name).read_text()) for name in ("first", "second", "grandchild")
    )
    os.kill(second, signal.SIGKILL)
    told = process.stdout.readline()
    assert told == "The second process ended with code -9; starting it again in 0.05 s.\n"
    _wait_until(lambda: (tmp_path / "second").read_text() not in {"", f"{second}\n"})
    _wait_until(lambda: (tmp_path / "grandchild").read_text() not in {"", f"{grandchild}\n"})
    assert _alive(first)
    assert not _alive(grandchild)
    assert _alive(int((tmp_path / "second").read_text()))
    process.terminate()
    assert process.wait(30) == 0
    process.stdout.close()
    _assert_all_ended(tmp_path)


def test_a_process_that_keeps_on_ending_stops_the_rest_after_growing_pauses(
    tmp_path: Path,
) -> None:
    mark = tmp_path.with_name(f"{tmp_path.name}-ready")
    program = IMPATIENT.replace(
        "on_ready=lambda: ", f"on_ready=lambda: Path({str(mark)!r}).touch() or "
    )
    process = _start(tmp_path, f"until [ -e {mark} ]; do sleep 0.05; done; exit 3", program)
    output, _ = process.communicate(timeout=30)
    ended = "The first process ended with code 3"
    assert output.splitlines() == [
        "ready",
        *(f"{ended}; starting it again in {pause} s." for pause in ("0.05", "0.1", "0.2", "0.4")),
        f"{ended}, 5 times within a minute; stopping the rest.",
    ]
    assert process.returncode == 1
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
