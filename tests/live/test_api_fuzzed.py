"""The API is as it describes itself: schemathesis sends what the description allows and forbids.

Thousands of requests by an admin, with ids that exist and that don't, in the same order each time.
Whatever is sent: no crash, and no status, type or body that the description does not tell of.
"""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.live.site import ROOT, Demo, datasets, running_demo

PROGRAM = ROOT / ".venv" / "bin" / "schemathesis"
CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
    "allow_header_conformance",
    "use_after_free",
]
# Where values that exist are sent, four times out of five.
PLACES = {
    "datasets": [
        *("path.dataset_id", "body.datasetId", "body.sourceDatasetId", "body.layers[*].datasetId"),
        *("body.layersToLink[*].datasetId",),
    ],
    "directories": ["path.directory_name"],
    "layers": [
        *("body.layerName", "body.sourceLayerName", "body.targetLayerName"),
        *("body.layers[*].sourceName", "body.layersToLink[*].layerName"),
    ],
    "folders": [
        *("path.folder_id", "query.parentId", "query.newParentId", "query.folderId"),
        *("body.folderId", "body.targetFolderId"),
    ],
    "teams": ["path.team_id"],
    "users": ["path.user_id", "query.uploaderId"],
    "organizations": [
        *("path.organization_id", "query.organizationId", "query.organizationName"),
        *("body.organizationId", "body.organization"),
    ],
    "keys": ["path.key"],
    "uploads": ["query.uploadId", "body.uploadId", "body.resumableUploadInfo.uploadId"],
}

pytestmark = [pytest.mark.live, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A site of its own: datasets are deleted, people changed."""
    with running_demo(tmp_path_factory.mktemp("fuzzed")) as demo:
        yield demo


def existing(demo: Demo, api: requests.Session) -> dict[str, list[str]]:
    """What there is on the site, by the names of PLACES; "doomed" is a dataset to be deleted."""
    site = f"http://localhost:{demo.port}"

    def call(method: str, path: str, **more: Any) -> Any:
        answer = api.request(method, site + path, **more)
        assert answer.status_code == 200, answer.text
        return answer.json()

    doomed, *found = datasets(demo, api).values()
    me, root = call("GET", "/api/user"), call("GET", "/api/folders/root")["id"]
    reserved = {
        "resumableUploadInfo": {
            "uploadId": "fuzzed-upload",
            "totalFileCount": 3,
            "totalFileSizeInBytes": 1000,
        },
        "datasetName": "fuzzed",
        "organizationId": me["organization"],
    }
    call("POST", "/data/datasets/upload/dataset/reserveUpload", json=reserved)
    folder = call("POST", "/api/folders/create", params={"parentId": root, "name": "fuzzed"})
    link = call("POST", "/api/shortLinks", json=f"{site}/datasets/{doomed['id']}")
    return {
        "doomed": [doomed["id"]],
        "datasets": [dataset["id"] for dataset in found],
        "directories": [dataset["directoryName"] for dataset in found],
        "layers": ["color", "segmentation"],
        "folders": [root, folder["id"]],
        "teams": [call("POST", "/api/teams", json={"name": "fuzzed"})["id"]],
        "users": [each["id"] for each in call("GET", "/api/users") if each["id"] != me["id"]],
        "organizations": [me["organization"]],
        "keys": [link["key"]],
        "uploads": ["fuzzed-upload"],
    }


def configuration(values: dict[str, list[str]]) -> str:
    """schemathesis.toml, of which JSON's texts and lists are a part."""
    lines = []
    for name, known in values.items():
        lines += [f"[dictionaries.{name}]", f"values = {json.dumps(known)}"]
    lines.append("[parameters]")
    lines += [
        f'"{place}" = {{ dictionary = "{name}", probability = 0.8 }}'
        for name, places in PLACES.items()
        for place in places
    ]
    lines += [
        "[[operations]]",
        'include-method = "DELETE"',
        'include-path = "/api/datasets/{dataset_id}"',
        f'parameters = {{ "path.dataset_id" = "{values["doomed"][0]}" }}',
        "[[operations]]",
        'include-path-regex = "^/api/datasets/explore"',
        'checks = { not_a_server_error = { expected-statuses = ["2xx", "4xx", 501] } }',
    ]
    return "\n".join(lines)


def test_it_answers_whatever_is_sent_as_it_says(demo: Demo, tmp_path: Path) -> None:
    api = requests.Session()
    api.headers["X-Auth-Token"] = demo.sign_in["token"]
    settings = tmp_path / "schemathesis.toml"
    settings.write_text(configuration(existing(demo, api)))
    run = subprocess.run(
        [
            *(PROGRAM, "--config-file", settings, "run"),
            f"http://localhost:{demo.port}/api/schema",
            *("--header", f"X-Auth-Token: {demo.sign_in['token']}"),
            *("--checks", ",".join(CHECKS), "--phases", "examples,coverage,fuzzing"),
            *("--max-examples", "15", "--seed", "1", "--generation-deterministic"),
            *("--continue-on-failure", "--no-color"),
            *("--request-timeout", "60", "--warnings", "off"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-20_000:] + run.stderr[-2000:]
    crashes = [line for line in demo.output().splitlines() if "Traceback" in line]
    assert crashes == []
