"""The public `webknossos` library, unchanged, manages people, teams and folders of this site.

It runs in an environment of its own (`.venv-client`), as in test_public_library.
"""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.live.site import ROOT, Demo

CLIENT = ROOT / ".venv-client" / "bin" / "python"
SCRIPT = Path(__file__).with_name("library_people_and_folders.py")
AS_MANAGER = Path(__file__).with_name("library_as_team_manager.py")

pytestmark = [
    pytest.mark.live,
    pytest.mark.peer,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not CLIENT.exists(), reason="no .venv-client: `make test` makes it"),
]


def form_token(page: str) -> str:
    match = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert match is not None
    return match[1]


def session_token(demo: Demo, email: str) -> str:
    """What the API gives to somebody who signed in through the page."""
    site = f"http://localhost:{demo.port}"
    with requests.Session() as session:
        page = session.get(f"{site}/auth/login").text
        form = {"csrfmiddlewaretoken": form_token(page), "username": email}
        session.post(f"{site}/auth/login", data={**form, "password": demo.sign_in["password"]})
        token: str = session.get(f"{site}/api/auth/token").json()["token"]
    return token


def library(demo: Demo, *command: str | Path, **environment: str) -> str:
    """The last line that the library's interpreter printed."""
    run = subprocess.run(
        [CLIENT, "-W", "ignore", *command],
        env={"WK_URL": f"http://localhost:{demo.port}", "PATH": "/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    return run.stdout.splitlines()[-1]


@pytest.mark.parametrize("version", ["13", "14", "15", "16"])
def test_it_manages_people_teams_and_folders_in_every_version_of_the_api(
    demo: Demo, version: str
) -> None:
    seen: dict[str, dict[str, Any]] = json.loads(
        library(demo, SCRIPT, WK_TOKEN=demo.sign_in["token"], API=version)
    )
    people, folders = seen["people"], seen["folders"]
    assert "already a team named" in people.pop("again")
    assert people == {
        "me": demo.sign_in["email"],
        "admin": True,
        "organization": "sample_organization",
        "everybody": [f"{name}@example.org" for name in ("admin", "datasets", "member", "teams")],
        "logged times": [],
        "joined": True,
        "by id": True,
        "listed": True,
        "deleted": True,
    }
    assert "is not empty" in folders.pop("not empty")
    assert "into itself" in folders.pop("circle")
    assert "is the root of all folders" in folders.pop("root stays")
    assert folders == {
        "root": "Datasets",
        "parents": [f"renamed v{version}", "Datasets", None],
        "by id": True,
        "subfolders": ["inner", "lower"],
        "teams": [f"team of v{version}"],
        "metadata": {"species": "mouse", "length": 25, "tags": ["a", "b"], "added": "later"},
        "datasets": 0,
        "teams dropped": [],
        "left": [],
    }


def test_it_resolves_a_short_link(demo: Demo, api: requests.Session) -> None:
    site = f"http://localhost:{demo.port}"
    long_link = f"{site}/datasets/view?a=b#1,2,3"
    made = api.post(f"{site}/api/v16/shortLinks", json=long_link).json()
    script = (
        "from webknossos.client.context import _get_api_client as client;"
        f"print(client().short_link_by_key(key={made['key']!r}).long_link)"
    )
    assert library(demo, "-c", script) == long_link


def test_a_team_manager_does_with_it_what_the_role_allows(
    demo: Demo, api: requests.Session
) -> None:
    folders = f"http://localhost:{demo.port}/api/folders"
    teams = api.get(f"http://localhost:{demo.port}/api/teams").json()
    root = api.get(f"{folders}/root").json()["id"]
    made = api.post(f"{folders}/create?parentId={root}&name=given").json()["id"]
    given = {"name": "given", "allowedTeams": [team["id"] for team in teams]}
    assert api.put(f"{folders}/{made}", json=given).status_code == 200

    token = session_token(demo, "teams@example.org")
    seen = json.loads(library(demo, AS_MANAGER, "given", WK_TOKEN=token))
    assert seen["inner"] == ["Microscopy"]
    for refusal in ("unmanaged", "in the root", "new team", "unmanaged team"):
        assert "status 403" in seen[refusal], refusal
    # Of all teams only their own could be dropped, and in the default team everybody is.
    assert seen["still seen"] == "given"
    left = api.get(f"{folders}/{made}").json()["allowedTeams"]
    assert [team["name"] for team in left] == ["default"]
    assert api.delete(f"{folders}/{made}").status_code == 200
