"""What an operator may set: every environment variable of the site, typed and checked at start.

docs/settings.md describes each of them; a test fails when one is missing there.
"""

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import parse_qs, unquote, urlsplit

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

PROJECT_ROOT = Path(__file__).resolve().parents[2]


class Environment(BaseSettings):
    """The site's settings as they stand in the environment; names are case-insensitive."""

    model_config = SettingsConfigDict(extra="ignore", env_ignore_empty=True)

    data_dir: Path = PROJECT_ROOT / "var"
    port: int = Field(default=8000, ge=1, le=65535)
    bind: str = "127.0.0.1"
    public_url: str = ""
    allowed_hosts: Annotated[list[str], NoDecode] = []
    behind_proxy: bool = False
    debug: bool = False
    secret_key: str = ""
    encryption_keys: Annotated[list[str], NoDecode] = []

    database_url: str = ""
    redis_url: str = ""
    email_url: str = ""
    email_from: str = "webknossos@localhost"

    s3_bucket: str = ""
    s3_endpoint_url: str = ""
    s3_region: str = ""
    s3_access_key_id: str = ""
    s3_secret_access_key: str = ""

    web_workers: int = Field(default=2, ge=1, le=64)
    web_threads: int = Field(default=8, ge=1, le=256)
    worker_processes: int = Field(default=1, ge=1, le=64)
    converter_processes: int = Field(default=1, ge=1, le=64)

    binary_data_dir: Path | None = None
    allowed_data_paths: Annotated[list[Path], NoDecode] = []
    upload_paths: Annotated[list[Path], NoDecode] = []
    scan_interval_minutes: float = Field(default=10, gt=0)
    apply_disk_changes: bool = False
    upload_expiry_days: float = Field(default=14, gt=0)
    upload_max_files: int = Field(default=1_000_000, ge=1, le=2**31 - 1)
    upload_max_gib: float = Field(default=20_480, gt=0)
    max_read_mib: int = Field(default=256, ge=1)
    voxel_cache_mib: int = Field(default=256, ge=0)

    invitation_days: int = Field(default=14, ge=1)
    page_token_hours: float = Field(default=8, gt=0)
    login_attempts: int = Field(default=10, ge=1)
    login_lockout_minutes: float = Field(default=15, gt=0)
    log_level: str = "INFO"

    @field_validator(
        "allowed_hosts", "encryption_keys", "allowed_data_paths", "upload_paths", mode="before"
    )
    @classmethod
    def _split_on_commas(cls, value: Any) -> Any:
        if isinstance(value, str):
            return [part.strip() for part in value.split(",") if part.strip()]
        return value

    @field_validator("public_url")
    @classmethod
    def _without_trailing_slash(cls, value: str) -> str:
        if value and urlsplit(value).scheme not in {"http", "https"}:
            raise ValueError("PUBLIC_URL must start with http:// or https://")
        return value.rstrip("/")

    @property
    def address(self) -> str:
        """The address people type: PUBLIC_URL, or the local one."""
        return self.public_url or f"http://localhost:{self.port}"


def database_from_url(url: str, *, data_dir: Path) -> dict[str, Any]:
    """Django's database settings for `url`; SQLite below `data_dir` where `url` is empty.

    SQLite runs in WAL mode and takes its write lock when a transaction begins: a transaction that
    reads first and writes later can otherwise fail with "database is locked" without waiting.
    """
    if not url:
        return _sqlite(data_dir / "db.sqlite3")
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return _sqlite(Path(unquote(parts.path)))
    if parts.scheme not in {"postgres", "postgresql"}:
        raise ValueError(f"DATABASE_URL: unknown scheme '{parts.scheme}', use postgresql or sqlite")
    query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.pop("host", parts.hostname or ""),
        "PORT": parts.port or "",
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": query,
    }


def _sqlite(path: Path) -> dict[str, Any]:
    # It holds live sessions: for its owner only. SQLite gives the files beside it the same mode.
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(path),
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    }


def email_from_url(url: str, *, data_dir: Path) -> dict[str, Any]:
    """Django's EMAIL_* settings for `smtp[s]://user:password@host:port`; files where empty."""
    if not url:
        mail = data_dir / "mail"
        # The mails hold links that reset passwords: for their owner only.
        mail.mkdir(mode=0o700, parents=True, exist_ok=True)
        return {
            "EMAIL_BACKEND": "django.core.mail.backends.filebased.EmailBackend",
            "EMAIL_FILE_PATH": str(mail),
        }
    parts = urlsplit(url)
    if parts.scheme not in {"smtp", "smtps", "smtp+tls"}:
        raise ValueError(f"EMAIL_URL: unknown scheme '{parts.scheme}', use smtp, smtp+tls or smtps")
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname or "localhost",
        "EMAIL_PORT": parts.port or {"smtp": 25, "smtp+tls": 587, "smtps": 465}[parts.scheme],
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_TLS": parts.scheme == "smtp+tls",
        "EMAIL_USE_SSL": parts.scheme == "smtps",
        "EMAIL_TIMEOUT": 30,
    }
