"""Checks compose.yaml without a Docker engine.

Docker Compose's own client validates the file; what only this project knows (which services there
must be, that each is watched, that what is mounted exists) is checked here.
"""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
SERVICES = {"nginx", "postgres", "redis", "web", "worker", "converter", "beat", "migrate", "mail"}
CONDITIONS = {"service_healthy", "service_started", "service_completed_successfully"}


def problems(text: str) -> list[str]:
    """What is wrong with this compose file, one sentence each."""
    try:
        compose: Any = yaml.safe_load(text)
    except yaml.YAMLError as error:
        return [f"not YAML: {error}"]
    services: dict[str, Any] = compose.get("services", {})
    found = [f"the service {name} is missing" for name in sorted(SERVICES - services.keys())]
    for name, service in services.items():
        if not ({"image", "build"} & service.keys()):
            found.append(f"{name} has neither image nor build")
        if name != "migrate" and "test" not in service.get("healthcheck", {}):
            found.append(f"{name} has no health check")
        for other, how in service.get("depends_on", {}).items():
            if other not in services:
                found.append(f"{name} depends on {other}, which is no service")
            elif how.get("condition") not in CONDITIONS:
                found.append(f"{name} waits for {other} with an unknown condition")
            elif how["condition"] == "service_healthy" and "healthcheck" not in services[other]:
                found.append(f"{name} waits for the health of {other}, which has no health check")
        found += [f"{name}: {problem}" for problem in _volume_problems(service, compose)]
        found += [f"{name}: image {service['image']} has no tag" for _ in _untagged(service)]
    return found


def _volume_problems(service: dict[str, Any], compose: dict[str, Any]) -> list[str]:
    found = []
    for volume in service.get("volumes", []):
        source = re.sub(r"\$\{[^:}]+:-([^}]*)\}", r"\1", volume).split(":")[0]
        if source.startswith("./"):
            if source != "./binaryData" and not (ROOT / source).exists():
                found.append(f"mounts {source}, which does not exist")
        elif source not in compose.get("volumes", {}):
            found.append(f"mounts the volume {source}, which is not declared")
    return found


def _untagged(service: dict[str, Any]) -> list[str]:
    image = service.get("image", "x:y")
    return [] if ":" in image else [image]


def validator_problems() -> list[str]:
    """What Docker Compose itself says (its client comes with the development dependencies)."""
    compose = Path(sys.executable).with_name("docker-compose")
    run = subprocess.run(
        [compose, "config", "--quiet"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return [run.stderr.strip()] if run.returncode else []


if __name__ == "__main__":
    found = problems((ROOT / "compose.yaml").read_text()) + validator_problems()
    if found:
        sys.exit("\n".join(found))
    print("compose.yaml is valid")
