"""Which processes `manage.py up` runs."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from django.conf import settings

from webknossos_site.management.commands import up


def test_every_worker_is_a_process_that_is_started_again_by_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started: dict[str, Sequence[str]] = {}

    class Recorded:
        def __init__(
            self, commands: Mapping[str, Sequence[str]], later: Mapping[str, Sequence[str]]
        ) -> None:
            started.update(commands, **later)

        def run(self, **_: Any) -> int:
            return 0

    monkeypatch.setattr(up, "Supervisor", Recorded)
    two = settings.ENVIRONMENT.model_copy(update={"worker_processes": 2})
    monkeypatch.setattr(settings, "ENVIRONMENT", two)
    with pytest.raises(SystemExit) as end:
        up.run_site(sign_in_hint="")
    assert end.value.code == 0
    assert {"web", "worker 1", "worker 2", "converter 1", "beat"} <= set(started)
    taking_jobs = [command for command in started.values() if "worker" in command]
    assert len(taking_jobs) == len(started) - 2
    assert all("--pool=solo" in command for command in taking_jobs)
    assert len({tuple(command) for command in taking_jobs}) == len(taking_jobs)  # named apart
