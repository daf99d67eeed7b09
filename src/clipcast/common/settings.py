"""Settings from the environment. `docs/configuration.md` describes each for operators."""

import difflib
import os
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from importlib.util import find_spec
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Literal, get_args

import platformdirs
from pydantic import (
    AnyHttpUrl,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import ErrorDetails

from clipcast.common.database_address import parse_address
from clipcast.common.engine_address import ROWS, EngineError, TemporalAddress, parse_engine
from clipcast.common.smtp_address import SmtpAddress, parse_smtp

PREFIX = "CLIPCAST_"
APP_SUFFIXES = ("_CLIENT_ID", "_CLIENT_SECRET")
# Fields of Settings that hold what platforms declare (platforms/registry.py). No setting has these names.
OF_PLATFORMS = ("apps", "platform_settings")
# The supervisor sets them for its child processes (server/supervisor.py, server/sockets.py).
INTERNAL = (
    "CLIPCAST_SUPERVISED",
    "CLIPCAST_SOCKETS",
    # For one release: the supervisor of the release before may start processes of this one.
    "CLIPCAST_HEALTH_SOCKET",
)
# The clients of an installation read them: the Python client and the commands for posting. A server ignores them.
OF_CLIENTS = ("CLIPCAST_URL", "CLIPCAST_API_KEY", "CLIPCAST_WORKSPACE")
STORES = ("s3", "s3a", "gs", "az", "adl", "azure", "abfs", "abfss", "file", "memory")
MEBIBYTE = 1024 * 1024
QUOTA_NAME = "[a-z_]{1,60}"
# An e-mail address, alone or after a name. The name has no character with a meaning in a header.
SENDER_ADDRESS = r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,189}"
SENDER_NAME = r"[^\x00-\x1f\x7f<>\"(),:;@\[\]\\]{1,100}"
SENDER = re.compile(f"{SENDER_ADDRESS}|{SENDER_NAME} <{SENDER_ADDRESS}>")


UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def _span(value: object) -> object:
    """Parse a length of time such as 90m, 24h or 7d."""
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"(\d{1,6})([smhd])", value.strip())
    if match is None:
        raise ValueError(f"{value[:100]!r} is not a length of time. Write it as a number and a unit: 90m, 24h or 7d")
    return timedelta(**{UNITS[match[2]]: int(match[1])})


def _span_text(span: timedelta) -> str:
    """Return a length of time in the form that `_span` parses, in its largest unit."""
    units = ((timedelta(**{name: 1}), unit) for unit, name in reversed(UNITS.items()))
    return next(f"{span // length}{unit}" for length, unit in units if not span % length)


Span = Annotated[timedelta, BeforeValidator(_span), PlainSerializer(_span_text, when_used="json")]


def _quotas(value: object) -> object:
    """Parse quotas such as `youtube.uploads=500, tiktok.posts=none`. platforms/registry.py checks the names."""
    if not isinstance(value, str):
        return value
    quotas: dict[str, int | None] = {}
    for part in filter(None, re.split(r"[\s,]+", value)):
        match = re.fullmatch(rf"([a-z][a-z0-9]*\.{QUOTA_NAME})=(none|[1-9][0-9]{{0,8}})", part)
        if match is None:
            raise ValueError(f"write {part[:100]!r} as PLATFORM.QUOTA=NUMBER or PLATFORM.QUOTA=none")
        quotas[match[1]] = None if match[2] == "none" else int(match[2])
    return quotas


def _names(value: object) -> object:
    """Parse host names such as `clips.example.org, *.clips.internal, 10.0.0.5`. They have no ports."""
    if not isinstance(value, str):
        return value
    names = []
    for part in filter(None, re.split(r"[\s,]+", value)):
        wildcard, name = ("*.", part[2:]) if part.startswith("*.") else ("", part)
        try:
            host = AnyHttpUrl(f"http://{name}/").host or ""
        except ValueError:
            host = ""
        if not host or re.search(r"[/@?#*]", name):
            raise ValueError(f"write {part[:100]!r} as a host name or IP address, or as *.NAME for every name below it")
        names.append(wildcard + host.removesuffix("."))
    return tuple(names)


Network = IPv4Network | IPv6Network


def _networks(value: object) -> object:
    """Parse networks such as `10.0.0.0/8, 192.168.1.5, ::1`."""
    if not isinstance(value, str):
        return value
    networks = []
    for part in filter(None, re.split(r"[\s,]+", value)):
        try:
            networks.append(ip_network(part))
        except ValueError:
            raise ValueError(f"write {part[:100]!r} as an IP address or a network such as 10.0.0.0/8") from None
    return tuple(networks)


def _words(value: object) -> object:
    return tuple(filter(None, re.split(r"[\s,]+", value))) if isinstance(value, str) else value


# The queues of jobs. Each has slots of its own (jobs/kinds.py): the first three in a worker, the others in a renderer.
QUEUES = ("network", "deliver", "notify", "cpu", "long", "remux")
SLOTS_MAX = 1000


def _slots(value: object) -> object:
    """Parse slots by queue, such as `network=32, cpu=2`."""
    if not isinstance(value, str):
        return value
    slots = {}
    for part in filter(None, re.split(r"[\s,]+", value)):
        queue, _, number = part.partition("=")
        if queue not in QUEUES or not number.isascii() or not number.isdigit() or int(number) > SLOTS_MAX:
            accepted = ", ".join(QUEUES)
            raise ValueError(
                f"write {part[:100]!r} as QUEUE=SLOTS, such as cpu=2; "
                f"the queues are {accepted}, and a queue has at most {SLOTS_MAX} slots"
            )
        if queue in slots:
            raise ValueError(f"give the queue {queue} once")
        slots[queue] = int(number)
    if slots.get("network") == 0:
        raise ValueError("give the queue network at least one slot: without one, a worker does nothing")
    return slots


class SettingsError(Exception):
    """The environment holds invalid settings. The message has one line for each, with its fix."""


@dataclass(frozen=True)
class PlatformApp:
    """An app that the operator registered at a platform."""

    client_id: str
    client_secret: str
    # Permissions that the app requests beyond those that publishing needs.
    extra_scopes: tuple[str, ...] = ()


@dataclass(frozen=True)
class PlatformSetting:
    """A setting that a platform declares, beside its apps. `name` begins with the platform's name."""

    name: str
    default: str
    pattern: str

    def value(self, settings: "Settings") -> str:
        """Return the operator's value, or the default."""
        return settings.platform_settings.get(self.name, self.default)


@dataclass(frozen=True)
class Declared:
    """The settings that the installed platforms bring: the names of their apps, and those of their own by name."""

    apps: tuple[str, ...]
    settings: Mapping[str, PlatformSetting]


def _default_data_dir() -> Path:
    """Return the data directory. Root's is outside its home, because the embedded database's user must reach it."""
    in_home = platformdirs.user_data_path("clipcast")
    return Path("/var/lib/clipcast") if os.geteuid() == 0 and not in_home.exists() else in_home


class Settings(BaseModel):
    """The settings of one process."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data_dir: Path = Field(default_factory=_default_data_dir)
    database_url: str | None = None
    # An address that bypasses the pooler, for migrations and notifications.
    database_direct_url: str | None = None
    database_pooler: Literal["auto", "none", "session", "transaction"] = "auto"
    # Connections of one process: for most queries (twice as many under load), and for hot queries.
    database_pool_size: Annotated[int, Field(gt=0, le=1000)] = 20
    database_hot_pool_size: Annotated[int, Field(gt=0, le=1000)] = 20
    # What brings ready jobs to the workers: `rows`, or the address of a Temporal server (common/engine_address.py).
    engine: str = ROWS
    temporal_api_key: str | None = None
    # Files in PEM form: the client's certificate and its key.
    temporal_tls_cert: Path | None = None
    temporal_tls_key: Annotated[Path | None, Field(validate_default=True)] = None
    storage_url: str | None = None
    public_url: AnyHttpUrl = AnyHttpUrl("http://127.0.0.1:8000")
    # Further host names of this installation, and the networks whose proxy headers Clipcast trusts.
    allowed_hosts: Annotated[tuple[str, ...], BeforeValidator(_names)] = ()
    trusted_proxies: Annotated[tuple[Network, ...], BeforeValidator(_networks)] = ()
    secret_key: str | None = None
    sandbox_url: AnyHttpUrl | None = None
    max_upload_bytes: Annotated[int, Field(gt=0)] = 2 * 1024**3
    # The longest clip. Longer ones would take hours to convert.
    max_clip_duration: Span = timedelta(hours=4)
    # The encoder of converted files. One in hardware is replaced where it does not work (rendering/encoders.py).
    video_encoder: Literal["libx264", "h264_nvenc", "h264_qsv", "h264_videotoolbox"] = "libx264"
    # The folder of fonts for captions, in place of `fonts` in the data directory.
    fonts_dir: Path | None = None
    # How long a converted file is kept that nothing needs, and the most that all may take, in percent of the disk.
    rendition_keep: Span = timedelta(days=7)
    rendition_budget: Annotated[int, Field(gt=0, le=100)] = 20
    max_body_bytes: Annotated[int, Field(gt=0)] = 8 * MEBIBYTE
    rate_limit_per_minute: Annotated[int, Field(gt=0)] = 1200
    # Address where a worker serves /livez and /readyz. Without a port it does not serve them.
    worker_health_host: str = "127.0.0.1"
    worker_health_port: Annotated[int | None, Field(gt=0, le=65_535)] = None
    worker_concurrency: Annotated[int, Field(gt=0, le=1000)] = 32
    # By queue: the slots of one process, in place of `worker_concurrency` and of what the number of cores suggests.
    worker_queues: Annotated[dict[str, int], BeforeValidator(_slots)] = {}
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    # How late a scheduled item may still start, and how long an item waits for its account to be reconnected.
    missed_grace: Span = timedelta(hours=24)
    reconnect_grace: Span = timedelta(days=7)
    # How near in time the same clip and words for one account are doubles (posts/duplicates.py). 0h: never.
    duplicate_window: Span = timedelta(hours=48)
    # Quotas that differ from a platform's defaults, because the operator was granted more or wants less.
    # None removes a quota.
    quotas: Annotated[dict[str, int | None], BeforeValidator(_quotas)] = {}
    # Permissions that the operator's apps were granted beyond those that publishing needs, such as
    # threads_location_tagging. platforms/registry.py checks the names.
    extra_scopes: Annotated[tuple[str, ...], BeforeValidator(_words)] = ()
    # The API key that prefills the playground of the API reference. Every member sees it.
    playground_key: str | None = None
    # The mail server for notices, and the sender of every e-mail: an address, or `NAME <ADDRESS>`.
    smtp_url: str | None = None
    mail_from: Annotated[str | None, Field(validate_default=True)] = None
    apps: dict[str, PlatformApp] = {}
    # Host names of webhooks that may be inside a private network, and may use http.
    webhook_hosts: Annotated[tuple[str, ...], BeforeValidator(_names)] = ()
    # The operator's values of settings that platforms declare.
    platform_settings: dict[str, str] = {}

    @field_validator("database_url", "database_direct_url")
    @classmethod
    def _is_postgresql(cls, url: str | None) -> str | None:
        if url is not None:
            parse_address(url)  # AddressError is a ValueError, which pydantic reports.
        return url

    @field_validator("engine")
    @classmethod
    def _is_engine(cls, engine: str) -> str:
        # EngineError is a ValueError, which pydantic reports.
        if parse_engine(engine) and find_spec("temporalio") is None:
            raise EngineError(
                "Temporal needs the package temporalio, which is not installed. Run in Clipcast's folder: "
                ".venv/bin/pip install --require-hashes -r requirements-temporal.lock"
            )
        return engine

    @field_validator("temporal_tls_cert", "temporal_tls_key")
    @classmethod
    def _is_file(cls, path: Path | None) -> Path | None:
        if path is not None and not (os.path.isfile(path) and os.access(path, os.R_OK)):
            raise ValueError(f"{str(path)[:200]!r} does not exist, or Clipcast's user cannot read it")
        return path

    @field_validator("temporal_api_key", "temporal_tls_cert")
    @classmethod
    def _needs_tls(cls, value: str | Path | None, info: ValidationInfo) -> str | Path | None:
        temporal = parse_engine(info.data.get("engine", ROWS))
        if value is not None and temporal and temporal.tls is False:
            raise ValueError("CLIPCAST_ENGINE has tls=0, which would not protect this. Write tls=1, or remove it")
        return value

    @field_validator("temporal_tls_key")
    @classmethod
    def _has_both_halves(cls, key: Path | None, info: ValidationInfo) -> Path | None:
        # An invalid certificate is missing in `info.data` and reported by itself.
        if (key is None) != (info.data.get("temporal_tls_cert", key) is None):
            raise ValueError("a client certificate needs both CLIPCAST_TEMPORAL_TLS_CERT and CLIPCAST_TEMPORAL_TLS_KEY")
        return key

    @field_validator("public_url")
    @classmethod
    def _is_origin(cls, url: AnyHttpUrl) -> AnyHttpUrl:
        if url.path not in (None, "/") or url.query or url.fragment or url.username or url.password:
            raise ValueError(
                "give only scheme, host and port, such as https://clips.example.org; "
                "Clipcast cannot be served below a path"
            )
        return url

    @field_validator("storage_url")
    @classmethod
    def _is_store(cls, url: str | None) -> str | None:
        if url is not None and url.partition("://")[0] not in STORES:
            raise ValueError("give an address such as s3://bucket/prefix, gs://bucket, az://container or file:///path")
        return url

    @field_validator("smtp_url")
    @classmethod
    def _is_mail_server(cls, url: str | None) -> str | None:
        if url is not None:
            parse_smtp(url)  # SmtpAddressError is a ValueError, which pydantic reports.
        return url

    @field_validator("mail_from")
    @classmethod
    def _is_sender(cls, sender: str | None, info: ValidationInfo) -> str | None:
        if sender is None and info.data.get("smtp_url") is not None:
            raise ValueError("e-mails need a sender. Give an address such as Clipcast <clipcast@example.org>")
        if sender is not None and not SENDER.fullmatch(sender):
            raise ValueError(f"{sender[:100]!r} is not an e-mail address. Write clipcast@example.org or NAME <ADDRESS>")
        return sender

    @field_validator("secret_key")
    @classmethod
    def _is_long(cls, value: str | None) -> str | None:
        if value is not None and any(len(key.strip()) < 32 for key in value.split(",")):
            raise ValueError(
                "each key needs at least 32 characters; make one with: "
                "python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"
            )
        return value

    @field_validator("data_dir")
    @classmethod
    def _is_absolute(cls, path: Path) -> Path:
        return path.expanduser().absolute()

    def make_data_dir(self) -> None:
        """Create the data directory if it is missing, and make it private, whatever the umask."""
        if not self.data_dir.exists():
            for folder in reversed([folder for folder in self.data_dir.parents if not folder.exists()]):
                folder.mkdir(mode=0o755, exist_ok=True)
                folder.chmod(0o755)
        self.data_dir.mkdir(mode=0o700, exist_ok=True)
        # If a file has this name, the storage reports it later.
        with suppress(FileExistsError):
            (self.data_dir / "media").mkdir(mode=0o700, exist_ok=True)
        # Root's database runs as another user, whose group must traverse the data directory (database/embedded.py).
        kept = self.data_dir.stat().st_mode & 0o010 if os.geteuid() == 0 else 0
        # The operator may have created the folder as another user, whose permissions Clipcast cannot change.
        with suppress(PermissionError):
            self.data_dir.chmod(0o700 | kept)
            (self.data_dir / "media").chmod(0o700)

    @property
    def fonts(self) -> Path:
        """Return the folder of fonts, which may be missing."""
        return self.fonts_dir or self.data_dir / "fonts"

    @property
    def worker_slots(self) -> dict[str, int]:
        """The slots of one worker by queue."""
        return {
            "network": self.worker_queues.get("network", self.worker_concurrency),
            "deliver": self.worker_queues.get("deliver", 16),
            "notify": self.worker_queues.get("notify", 8),
        }

    @property
    def renderer_slots(self) -> dict[str, int]:
        """The slots of one renderer by queue. Each of `cpu` and `long` uses several cores, and leaves some.

        A renderer that has no slots of `cpu` has none of `long`, unless they are given.
        """
        cpu = self.worker_queues.get("cpu", max(1, (os.cpu_count() or 1) // 4))
        usual = {"cpu": cpu, "long": min(1, cpu), "remux": 1}
        return {queue: self.worker_queues.get(queue, slots) for queue, slots in usual.items()}

    @property
    def public_base(self) -> str:
        """The public URL without a slash at its end."""
        return str(self.public_url).rstrip("/")

    @property
    def sandbox_base(self) -> str | None:
        """The sandbox's URL without a slash at its end; None if Clipcast uses the real platforms."""
        return str(self.sandbox_url).rstrip("/") if self.sandbox_url else None

    @property
    def smtp(self) -> SmtpAddress | None:
        """The mail server; None if Clipcast sends no e-mail."""
        return parse_smtp(self.smtp_url) if self.smtp_url else None

    @property
    def temporal(self) -> TemporalAddress | None:
        """The Temporal server to use; None if workers claim jobs from the database."""
        return parse_engine(self.engine)

    def app(self, name: str) -> PlatformApp | None:
        """Return the operator's app of this name. The sandbox accepts a fixed app, so none has to be registered."""
        if name in self.apps:
            return self.apps[name]
        return PlatformApp("sandbox-client", "sandbox-secret") if self.sandbox_url else None


def load(
    environ: Mapping[str, str] = os.environ, declared: Callable[[], Declared] | None = None, **overrides: object
) -> Settings:
    """Read the settings from `environ`. `overrides` (from command-line flags) take precedence.

    `declared` returns what the platforms declare. It is called only for a name that is none of Clipcast's own, because
    it imports the platforms. Without it, an app of any platform is accepted.

    Raises SettingsError with one line per problem: an unknown name, an invalid value, or a platform app of which the
    client ID or the secret is missing.
    """
    given = {name: value for name, value in environ.items() if name.startswith(PREFIX) and value}
    core = [PREFIX + field.upper() for field in Settings.model_fields if field not in OF_PLATFORMS]
    values: dict[str, object] = {
        name.removeprefix(PREFIX).lower(): value for name, value in given.items() if name in core
    }
    of_platforms = {name: value for name, value in given.items() if name not in (*core, *INTERNAL, *OF_CLIENTS)}
    apps, platform_settings, problems = _of_platforms(of_platforms, core, declared)
    try:
        settings = Settings.model_validate(
            values
            | {"apps": apps, "platform_settings": platform_settings}
            | {key: value for key, value in overrides.items() if value is not None}
        )
    except ValidationError as error:
        for detail in error.errors():
            name = PREFIX + str(detail["loc"][0]).upper()
            problems.append(f"{name}: {_sentence(detail)}.")
    if problems:
        raise SettingsError("\n".join(problems))
    return settings


def _sentence(detail: ErrorDetails) -> str:
    """Return the rule that an invalid value breaks, with the accepted values.

    The sentence shows no address, because that can hold a password. The errors of our own validators are sentences.
    """
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "value_error":
        return detail["msg"].removeprefix("Value error, ")
    if kind.startswith("url_"):
        return "this is not an http or https address. Write it with scheme and host, such as https://clips.example.org"
    name, actual = str(detail["loc"][0]), repr(str(detail["input"])[:100])
    if kind == "literal_error":
        return f"{actual} is not valid. Choose one of {', '.join(get_args(Settings.model_fields[name].annotation))}"
    rules = {
        "greater_than": "a whole number above {gt}",
        "less_than_equal": "a whole number of at most {le}",
    }
    rule = rules.get(kind, "a whole number").format(**context)
    return f"{actual} is not valid. Give {rule}"


def _of_platforms(
    given: Mapping[str, str], core: list[str], declared: Callable[[], Declared] | None
) -> tuple[dict[str, PlatformApp], dict[str, str], list[str]]:
    """Return the platforms' apps and settings, and the problems of all names that are not Clipcast's own."""
    halves: dict[str, dict[str, str]] = {}
    settings: dict[str, str] = {}
    problems: list[str] = []
    known = declared() if declared and given else None
    for name, value in given.items():
        field = name.removeprefix(PREFIX).lower()
        app, _, half = field.partition("_client_")
        if half in ("id", "secret") and (known is None or app in known.apps):
            halves.setdefault(app, {})[f"client_{half}"] = value
        elif known is None or field not in known.settings:
            names = [*core, *(known.settings if known else ())] + [
                f"{PREFIX}{one.upper()}{suffix}" for one in (known.apps if known else (app,)) for suffix in APP_SUFFIXES
            ]
            near = difflib.get_close_matches(name, names, 1)
            problems.append(f"{name}: there is no such setting." + (f" Did you mean {near[0]}?" if near else ""))
        elif not re.fullmatch(known.settings[field].pattern, value):
            setting = known.settings[field]
            problems.append(
                f"{name}: {value[:100]!r} is not valid. Write it like the default, {setting.default!r} "
                f"(pattern {setting.pattern})."
            )
        else:
            settings[field] = value
    for app, parts in halves.items():
        why = "missing. A platform app needs both its client ID and its client secret."
        problems += [
            f"{PREFIX}{app.upper()}_{half.upper()}: {why}"
            for half in ("client_id", "client_secret")
            if half not in parts
        ]
    complete = {
        app: PlatformApp(parts["client_id"], parts["client_secret"]) for app, parts in halves.items() if len(parts) == 2
    }
    return complete, settings, problems
