"""The public library copies, reads, downloads and reloads layers, in each of its access modes."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.live.site import Demo
from tests.live.test_public_library import CLIENT

SCRIPT = Path(__file__).with_name("library_layers.py")

pytestmark = [
    pytest.mark.live,
    pytest.mark.peer,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not CLIENT.exists(), reason="no .venv-client: `make test` makes it"),
]


def test_the_library_works_with_whole_layers(demo: Demo, tmp_path: Path) -> None:
    process = subprocess.run(
        [CLIENT, "-W", "ignore", SCRIPT, tmp_path, "library_layers"],
        env={
            "WK_URL": f"http://localhost:{demo.port}",
            "WK_TOKEN": demo.sign_in["token"],
            "PATH": "/usr/bin:/bin",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert process.returncode == 0, process.stderr[-3000:]
    seen = json.loads(process.stdout.splitlines()[-1])
    assert seen["url"].endswith("/view#1,2,3,0,1")
    assert "status 501" in seen["refusal"]
    assert "can't open remote data yet" in seen["refusal"]
