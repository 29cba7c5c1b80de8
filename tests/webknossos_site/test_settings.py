"""Settings are documented, typed and checked."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from webknossos_site.settings.environment import Environment, database_from_url, email_from_url
from webknossos_site.settings.secret_key import load_or_create

ROOT = Path(__file__).resolve().parents[2]


def test_every_setting_is_documented() -> None:
    documented = (ROOT / "docs" / "settings.md").read_text()
    missing = [n.upper() for n in Environment.model_fields if f"`{n.upper()}`" not in documented]
    assert missing == []


def test_every_documented_setting_exists() -> None:
    import re

    rows = re.findall(r"^\| (`.*?`) \|", (ROOT / "docs" / "settings.md").read_text(), re.MULTILINE)
    documented = {name.lower() for row in rows for name in re.findall(r"`([A-Z0-9_]+)`", row)}
    assert documented == set(Environment.model_fields)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "seventy"),
        ("PORT", "70000"),
        ("SCAN_INTERVAL_MINUTES", "0"),
        ("PUBLIC_URL", "lab.example.org"),
        ("WEB_WORKERS", "-1"),
    ],
)
def test_a_wrong_value_is_refused_by_name(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError, match=name.lower()):
        Environment()


def test_datasets_need_a_directory_apart_from_the_sites_own_files(tmp_path: Path) -> None:
    told = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "DATA_DIR": str(tmp_path / "data"),
            "BINARY_DATA_DIR": str(tmp_path),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode != 0
    assert "Choose a directory of its own for the data." in told.stderr


def test_lists_are_split_on_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOWED_HOSTS", "a.example.org, b.example.org,")
    assert Environment().allowed_hosts == ["a.example.org", "b.example.org"]


def test_without_a_url_the_database_is_a_file_below_the_data_directory(tmp_path: Path) -> None:
    settings = database_from_url("", data_dir=tmp_path)
    assert settings["NAME"] == str(tmp_path / "db.sqlite3")
    assert settings["OPTIONS"]["transaction_mode"] == "IMMEDIATE"


def test_database_and_mail_are_for_their_owner_only(tmp_path: Path) -> None:
    database = Path(database_from_url("", data_dir=tmp_path)["NAME"])
    mail = Path(email_from_url("", data_dir=tmp_path)["EMAIL_FILE_PATH"])
    assert database.stat().st_mode & 0o777 == 0o600
    assert mail.stat().st_mode & 0o777 == 0o700


def test_a_postgresql_url_is_taken_apart_and_unquoted(tmp_path: Path) -> None:
    settings = database_from_url(
        "postgresql://lab:p%40ss@db.example.org:5433/wk?sslmode=require", data_dir=tmp_path
    )
    assert (settings["USER"], settings["PASSWORD"]) == ("lab", "p@ss")
    assert (settings["HOST"], settings["PORT"], settings["NAME"]) == ("db.example.org", 5433, "wk")
    assert settings["OPTIONS"] == {"sslmode": "require"}


@pytest.mark.parametrize("url", ["mysql://host/name", "nonsense"])
def test_an_unknown_database_is_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="DATABASE_URL"):
        database_from_url(url, data_dir=tmp_path)


@pytest.mark.parametrize(
    ("url", "port", "tls", "ssl"),
    [
        ("smtp://mail.example.org", 25, False, False),
        ("smtp+tls://me:pw@mail.example.org", 587, True, False),
        ("smtps://mail.example.org:4465", 4465, False, True),
    ],
)
def test_mail_servers_are_named_by_url(
    url: str, port: int, tls: bool, ssl: bool, tmp_path: Path
) -> None:
    settings = email_from_url(url, data_dir=tmp_path)
    assert settings["EMAIL_HOST"] == "mail.example.org"
    assert (settings["EMAIL_PORT"], settings["EMAIL_USE_TLS"]) == (port, tls)
    assert settings["EMAIL_USE_SSL"] == ssl


def test_the_secret_key_is_made_once_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "secret_key"
    key = load_or_create(path)
    assert len(key) >= 50
    assert load_or_create(path) == key
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["secret_key"]
