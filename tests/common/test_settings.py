"""Settings are valid, or one message lists every problem."""

from datetime import timedelta
from pathlib import Path

import pytest

from clipcast.common.engine_address import TemporalAddress
from clipcast.common.settings import Declared, PlatformApp, Settings, SettingsError, load


def test_defaults() -> None:
    settings = load({})
    assert (settings.database_url, settings.sandbox_url, settings.public_base) == (None, None, "http://127.0.0.1:8000")
    assert settings.app("tiktok") is None


def test_invalid_settings_are_all_reported_at_once() -> None:
    with pytest.raises(SettingsError) as error:
        load(
            {
                "CLIPCAST_DATA_DIRR": "/x",
                "CLIPCAST_DATABASE_URL": "mysql://x",
                "CLIPCAST_SECRET_KEY": "short",
                "CLIPCAST_STORAGE_URL": "bogus://x",
                "CLIPCAST_PUBLIC_URL": "not an address",
                "CLIPCAST_WORKER_CONCURRENCY": "0",
                "CLIPCAST_TIKTOK_CLIENT_ID": "half",
            }
        )
    lines = str(error.value).splitlines()
    assert len(lines) == 7
    assert "CLIPCAST_DATA_DIRR: there is no such setting. Did you mean CLIPCAST_DATA_DIR?" in lines
    for name in (
        "DATABASE_URL",
        "SECRET_KEY",
        "STORAGE_URL",
        "PUBLIC_URL",
        "WORKER_CONCURRENCY",
        "TIKTOK_CLIENT_SECRET",
    ):
        assert any(line.startswith(f"CLIPCAST_{name}:") for line in lines), name


def test_renderer_without_slots_of_cpu_encodes_nothing_for_long() -> None:
    def slots(queues: str) -> dict[str, int]:
        return load({"CLIPCAST_WORKER_QUEUES": queues}).renderer_slots

    assert slots("cpu=0") == {"cpu": 0, "long": 0, "remux": 1}
    assert slots("cpu=3") == {"cpu": 3, "long": 1, "remux": 1}
    assert slots("cpu=0,long=2") == {"cpu": 0, "long": 2, "remux": 1}


def test_app_and_override_are_read() -> None:
    environ = {"CLIPCAST_YOUTUBE_CLIENT_ID": "id", "CLIPCAST_YOUTUBE_CLIENT_SECRET": "secret", "OTHER": "x"}
    settings = load(environ, public_url="https://clips.example/")
    assert settings.app("youtube") == PlatformApp("id", "secret")
    assert settings.public_base == "https://clips.example"


def test_sandbox_has_an_app_without_settings() -> None:
    assert load({"CLIPCAST_SANDBOX_URL": "http://127.0.0.1:8900"}).app("tiktok") is not None


@pytest.mark.parametrize("url", ["postgres://u@h/d", "postgresql://u:p@h:5432/d", "postgresql+asyncpg://u@h/d"])
def test_database_url_of_any_scheme_is_accepted(url: str) -> None:
    assert load({"CLIPCAST_DATABASE_URL": url}).database_url == url


def test_extra_scopes_are_separated_by_commas_and_spaces() -> None:
    assert load({"CLIPCAST_EXTRA_SCOPES": "threads_location_tagging, another"}).extra_scopes == (
        "threads_location_tagging", "another",
    )  # fmt: skip


def test_length_of_time_needs_a_number_and_a_unit() -> None:
    assert load({"CLIPCAST_MISSED_GRACE": "90m"}).missed_grace == timedelta(minutes=90)
    assert load({}).reconnect_grace == timedelta(days=7)
    with pytest.raises(SettingsError, match=r"CLIPCAST_MISSED_GRACE: 'one day' is not a length of time\. Write it"):
        load({"CLIPCAST_MISSED_GRACE": "one day"})


@pytest.mark.parametrize(
    "url", ["https://clips.example/app", "https://u:p@clips.example", "https://clips.example/?a=b"]
)
def test_public_url_with_more_than_an_origin_is_rejected(url: str) -> None:
    with pytest.raises(SettingsError, match="CLIPCAST_PUBLIC_URL: give only scheme, host and port"):
        load({"CLIPCAST_PUBLIC_URL": url})


def test_lists_of_host_names_and_networks_are_parsed() -> None:
    settings = load({
        "CLIPCAST_ALLOWED_HOSTS": "Clips.Internal., *.preview.example 10.0.0.5 münchen.example",
        "CLIPCAST_TRUSTED_PROXIES": "10.0.0.0/8, ::1",
    })  # fmt: skip
    names = ("clips.internal", "*.preview.example", "10.0.0.5", "xn--mnchen-3ya.example")
    assert settings.allowed_hosts == names
    assert [str(network) for network in settings.trusted_proxies] == ["10.0.0.0/8", "::1/128"]


@pytest.mark.parametrize("value", ["https://clips.example", "a/b", "*", "a:b@c"])
def test_allowed_host_that_is_no_name_is_rejected(value: str) -> None:
    with pytest.raises(SettingsError, match=r"CLIPCAST_ALLOWED_HOSTS: write .* as a host name"):
        load({"CLIPCAST_ALLOWED_HOSTS": value})


@pytest.mark.parametrize("value", ["10.0.0.5/8", "proxy.internal", "everybody"])
def test_trusted_proxy_that_is_no_network_is_rejected(value: str) -> None:
    with pytest.raises(SettingsError, match=r"CLIPCAST_TRUSTED_PROXIES: write .* as an IP address"):
        load({"CLIPCAST_TRUSTED_PROXIES": value})


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("LOG_LEVEL", "loud", "'loud' is not valid. Choose one of debug, info, warning, error."),
        ("DATABASE_POOLER", "on", "'on' is not valid. Choose one of auto, none, session, transaction."),
        ("WORKER_CONCURRENCY", "0", "'0' is not valid. Give a whole number above 0."),
        ("WORKER_CONCURRENCY", "1001", "'1001' is not valid. Give a whole number of at most 1000."),
        ("WORKER_HEALTH_PORT", "99999", "'99999' is not valid. Give a whole number of at most 65535."),
        ("MAX_BODY_BYTES", "8M", "'8M' is not valid. Give a whole number."),
        ("RATE_LIMIT_PER_MINUTE", "1.5", "'1.5' is not valid. Give a whole number."),
    ],
)
def test_invalid_value_is_shown_with_the_accepted_ones(name: str, value: str, expected: str) -> None:
    with pytest.raises(SettingsError) as error:
        load({f"CLIPCAST_{name}": value})
    assert str(error.value) == f"CLIPCAST_{name}: {expected}"


@pytest.mark.parametrize("name", ["PUBLIC_URL", "SANDBOX_URL"])
@pytest.mark.parametrize("url", ["clips.example.org", "ftp://someone:secret@x", "http://", "http://someone:secret@x:y"])
def test_invalid_address_is_explained_and_not_shown(name: str, url: str) -> None:
    with pytest.raises(SettingsError) as error:
        load({f"CLIPCAST_{name}": url})
    assert str(error.value) == (
        f"CLIPCAST_{name}: this is not an http or https address. "
        "Write it with scheme and host, such as https://clips.example.org."
    )


def test_no_setting_reports_an_invalid_value_in_the_words_of_a_library() -> None:
    reported = set()
    for field in Settings.model_fields:
        for value in ("§", "-1", "9" * 5000, "\0", "[1]"):
            try:
                load({f"CLIPCAST_{field.upper()}": value})
            except SettingsError as error:
                message = str(error)
                assert " should " not in message, message
                assert len(message) < 400, message
                reported.add(field)
    assert {"log_level", "public_url", "worker_concurrency", "storage_url", "missed_grace"} <= reported


ENGINE = "temporal://temporal.example:7233/clips"


@pytest.mark.parametrize(
    ("engine", "address"),
    [
        ("rows", None),
        ("temporal://temporal.example", TemporalAddress("temporal.example")),
        (
            "temporal://[2001:db8::1]:443/clips.a1b2c?tls=1&prefix=eu-1",
            TemporalAddress("2001:db8::1", 443, "clips.a1b2c", True, "eu-1"),
        ),
        (f"{ENGINE}?tls=0", TemporalAddress("temporal.example", namespace="clips", tls=False)),
    ],
)
def test_engine_is_rows_or_the_address_of_a_temporal_server(engine: str, address: TemporalAddress | None) -> None:
    assert load({"CLIPCAST_ENGINE": engine}).temporal == address
    assert load({}).temporal is None


def test_target_of_temporal_has_ipv6_addresses_in_brackets() -> None:
    assert TemporalAddress("2001:db8::1", 443).target == "[2001:db8::1]:443"
    assert TemporalAddress("temporal.example").target == "temporal.example:7233"


@pytest.mark.parametrize(
    ("engine", "problem"),
    [
        ("kafka://a", "give rows or an address such as temporal://"),
        ("temporal:host", "give rows or an address such as temporal://"),
        ("temporal://", "'' is not a host with a port"),
        ("temporal://a:x/n", "'a:x' is not a host with a port"),
        ("temporal://2001:db8::1/n", "IPv6 addresses in brackets"),
        ("temporal://a:70000/n", "the port is 70000"),
        ("temporal://user:secret@a:1/n", "Give an API key in CLIPCAST_TEMPORAL_API_KEY"),
        ("temporal://a:1/n/more", "'n/more' is not the name of a namespace"),
        ("temporal://a:1/n?tsl=1", "there is no parameter 'tsl'. Did you mean tls?"),
        ("temporal://a:1/n?queue=x", "There are: tls, prefix."),
        ("temporal://a:1/n?tls=yes", "tls is 'yes'. Write tls=1 or tls=0"),
        ("temporal://a:1/n?prefix=", "prefix is ''"),
        ("temporal://a:1/n?prefix=a%20b", "prefix is 'a b'"),
    ],
)
def test_invalid_engine_is_reported_in_one_line_with_its_fix(engine: str, problem: str) -> None:
    with pytest.raises(SettingsError) as error:
        load({"CLIPCAST_ENGINE": engine})
    assert str(error.value).startswith("CLIPCAST_ENGINE: ")
    assert problem in str(error.value)
    assert "\n" not in str(error.value)
    assert "secret" not in str(error.value)


def test_certificate_of_temporal_needs_both_files(tmp_path: Path) -> None:
    cert = tmp_path / "cert.pem"
    cert.write_text("x")
    settings = load({"CLIPCAST_TEMPORAL_TLS_CERT": str(cert), "CLIPCAST_TEMPORAL_TLS_KEY": str(cert)})
    assert settings.temporal_tls_key == cert
    for name in ("CERT", "KEY"):
        with pytest.raises(SettingsError, match="CLIPCAST_TEMPORAL_TLS_KEY: a client certificate needs both"):
            load({f"CLIPCAST_TEMPORAL_TLS_{name}": str(cert)})
    with pytest.raises(SettingsError, match=r"^CLIPCAST_TEMPORAL_TLS_CERT: '/none' does not exist[^\n]*$"):
        load({"CLIPCAST_TEMPORAL_TLS_CERT": "/none", "CLIPCAST_TEMPORAL_TLS_KEY": str(cert)})


def test_api_key_of_temporal_is_not_sent_without_tls() -> None:
    assert load({"CLIPCAST_ENGINE": ENGINE, "CLIPCAST_TEMPORAL_API_KEY": "k"}).temporal_api_key == "k"
    with pytest.raises(SettingsError, match="CLIPCAST_TEMPORAL_API_KEY: CLIPCAST_ENGINE has tls=0"):
        load({"CLIPCAST_ENGINE": f"{ENGINE}?tls=0", "CLIPCAST_TEMPORAL_API_KEY": "k"})


def test_settings_survive_their_way_to_another_process() -> None:
    """A worker sends its settings as JSON to the process of a quarantined job."""
    settings = load(
        {
            "CLIPCAST_MISSED_GRACE": "90m",
            "CLIPCAST_RECONNECT_GRACE": "30d",
            "CLIPCAST_ALLOWED_HOSTS": "clips.example.org, *.clips.internal",
            "CLIPCAST_TRUSTED_PROXIES": "10.0.0.0/8, ::1",
            "CLIPCAST_QUOTAS": "tiktok.uploads=none, youtube.units=5",
            "CLIPCAST_SANDBOX_URL": "http://127.0.0.1:8900",
            "CLIPCAST_TIKTOK_CLIENT_ID": "id",
            "CLIPCAST_TIKTOK_CLIENT_SECRET": "secret",
        },
        lambda: Declared(("tiktok",), {}),
    )
    assert Settings.model_validate_json(settings.model_dump_json()) == settings
    assert Settings.model_validate_json(load({}).model_dump_json()) == load({})
