"""Database addresses have the meaning that libpq gives them."""

from pathlib import Path
from typing import Any

import pytest

from clipcast.common.database_address import AddressError, DatabaseAddress, Host, parse_address
from clipcast.common.settings import SettingsError, load


def parse(text: str, **environ: str) -> DatabaseAddress:
    return parse_address(text, environ)


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("postgresql://h/d", [("h", 5432)]),
        ("postgresql://h:6432/d", [("h", 6432)]),
        ("postgresql://u:p@h1:5433,h2:5434/d", [("h1", 5433), ("h2", 5434)]),
        ("postgresql://u:p@h1,h2:5434,h3/d", [("h1", 5432), ("h2", 5434), ("h3", 5432)]),
        ("postgresql://u:p@[::1]:5433,[fe80::2]/d", [("::1", 5433), ("fe80::2", 5432)]),
        ("postgresql:///d?host=a,b&port=5433", [("a", 5433), ("b", 5433)]),
        ("postgresql:///d?host=a,b&port=5433,5434", [("a", 5433), ("b", 5434)]),
        ("postgresql:///d?host=a,b&port=,5434", [("a", 5432), ("b", 5434)]),
        ("postgresql:///d?host=/var/run/pg&port=5433", [("/var/run/pg", 5433)]),
        ("postgresql://%2Fvar%2Frun%2Fpg:5433/d", [("/var/run/pg", 5433)]),
        ("postgresql://%2Fone,h2/d", [("/one", 5432), ("h2", 5432)]),
        # SQLAlchemy and asyncpg accept these, libpq does not.
        ("postgresql+asyncpg:///d?host=a:5433&host=b:5434", [("a", 5433), ("b", 5434)]),
        ("postgresql+psycopg:///d?host=a:5433,b:5434", [("a", 5433), ("b", 5434)]),
        ("host=a,b port=5433,5434 dbname=d", [("a", 5433), ("b", 5434)]),
        ("host = '/var/my socket' port=5433 dbname=d", [("/var/my socket", 5433)]),
    ],
)
def test_address_with_hosts_in_any_form_lists_them(text: str, hosts: list[tuple[str, int]]) -> None:
    address = parse(text)
    assert [(host.name, host.port) for host in address.hosts] == hosts
    assert address.database == "d"


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://me%40work:p%40%2F%3A%25@h/my%2Fdata",
        "postgres://h/my%2Fdata?user=me%40work&password=p%40%2F%3A%25",
        "postgresql://me%40work@h?password=p@/:%25&dbname=my/data",
        "postgresql:///?host=h&user=me@work&password=p@/:%25&database=my/data",
        r"host=h user=me@work password='p@/:%' dbname = my/data",
    ],
)
def test_address_with_encoded_characters_is_decoded(text: str) -> None:
    address = parse(text)
    assert (address.user, address.password, address.database) == ("me@work", "p@/:%", "my/data")
    assert address.hosts == (Host("h"),)


def test_keyword_value_with_quotes_and_backslashes_is_unquoted() -> None:
    assert parse(r"host=h password='it\'s \\ here' user=a\ b").password == r"it's \ here"
    assert parse(r"host=h password='it\'s \\ here' user=a\ b").user == "a b"


def test_parameters_of_libpq_are_kept(tmp_path: Path) -> None:
    root = tmp_path / "root.crt"
    root.write_text("")
    address = parse(
        f"postgresql://h/d?sslmode=verify-full&sslrootcert={root}&application_name=my%20clips&connect_timeout=3"
        "&options=-c%20search_path%3Dclips&target_session_attrs=any&load_balance_hosts=random&keepalives_idle=7"
        "&keepalives_interval=4&keepalives_count=9&tcp_user_timeout=4000&passfile=/x&ssl_min_protocol_version=TLSv1.3"
    )
    assert dict(address.tls) == {
        "sslmode": "verify-full",
        "sslrootcert": str(root),
        "ssl_min_protocol_version": "TLSv1.3",
    }
    assert dict(address.session) == {"application_name": "my clips", "options": "-c search_path=clips"}
    assert (address.connect_timeout, address.needs_writes, address.load_balance) == (3, False, True)
    kept = (address.keepalives_idle, address.keepalives_interval, address.keepalives_count, address.tcp_user_timeout)
    assert (kept, address.passfile) == ((7, 4, 9, 4000), "/x")


def test_address_without_parameters_has_short_timeouts_and_needs_writes() -> None:
    address = parse("postgresql://h/d")
    assert (address.connect_timeout, address.needs_writes, address.tls["sslmode"]) == (5, True, "prefer")
    assert address.session["application_name"] == "clipcast"
    assert parse("postgresql://h/d?ssl=true").tls["sslmode"] == "require"
    assert parse("postgresql://h/d?fallback_application_name=x").session["application_name"] == "x"


def test_address_without_host_uses_the_environment_then_this_machine() -> None:
    address = parse(
        "postgresql:///d", PGHOST="a,b", PGPORT="5433", PGUSER="me", PGPASSWORD="secret", PGSSLMODE="require"
    )
    assert address.hosts == (Host("a", 5433), Host("b", 5433))
    assert (address.user, address.password, address.tls["sslmode"]) == ("me", "secret", "require")
    assert parse("postgresql://h/d", PGHOST="a").hosts == (Host("h"),)
    assert parse("postgresql:///d").hosts[0] == Host("/var/run/postgresql")


def test_service_supplies_omitted_values(tmp_path: Path) -> None:
    (tmp_path / ".pg_service.conf").write_text(
        "# comment\n[clips]\nhost=a,b\nport=5433,5434\nuser=me\npassword=per%cent;x\ndbname=d\n"
    )
    address = parse("postgresql://?service=clips", HOME=str(tmp_path))
    assert address.hosts == (Host("a", 5433), Host("b", 5434))
    assert (address.user, address.password, address.database) == ("me", "per%cent;x", "d")
    assert parse("postgresql://you@/?service=clips", HOME=str(tmp_path)).user == "you"
    elsewhere = tmp_path / "services"
    elsewhere.write_text("[other]\nhost=c\n")
    assert parse("service=other", PGSERVICEFILE=str(elsewhere)).hosts == (Host("c"),)
    with pytest.raises(AddressError, match="there is no service 'missing'"):
        parse("service=missing", HOME=str(tmp_path))
    elsewhere.write_text("[other]\nnonsense=1\n")
    with pytest.raises(AddressError, match="no connection parameter 'nonsense'"):
        parse("service=other", PGSERVICEFILE=str(elsewhere))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mysql://h/d", "give an address such as postgresql://"),
        ("clips", "give an address such as postgresql://"),
        ("", "give an address such as postgresql://"),
        ("host=h dbname", "give an address such as postgresql://"),
        ("postgresql://h/d?sslmod=require", "no connection parameter 'sslmod'. Did you mean sslmode"),
        ("postgresql://h/d?x=1", "no connection parameter 'x'"),
        ("postgresql://h/d?sslmode", "'sslmode' has no value"),
        ("postgresql://h/d?sslmode=on", "sslmode is 'on'. Clipcast supports: disable, allow, prefer"),
        ("postgresql://h/d?target_session_attrs=standby", "supports: any, read-write, primary"),
        ("postgresql://h/d?connect_timeout=soon", "connect_timeout is 'soon'. Use a whole number from 1 to 600"),
        ("postgresql://h/d?connect_timeout=0", "from 1 to 600"),
        (
            "postgresql://h/d?sslrootcert=/no/such.crt",
            "sslrootcert is '/no/such.crt'. Clipcast's user cannot read this file",
        ),
        ("postgresql://h/d?sslmode=verify-full", "Set sslrootcert to its file, or to `system`"),
        ("postgresql://h/d?sslrootcert=system&sslmode=require", "needs sslmode=verify-full"),
        (
            "postgresql://h/d?hostaddr=10.0.0.1",
            "Clipcast does not support the parameter hostaddr: give the address as host",
        ),
        ("postgresql://h/d?prepared_statement_cache_size=0", "set CLIPCAST_DATABASE_POOLER=transaction"),
        ("postgresql://h1,h2/d?port=1,2,3", "there are 2 hosts but 3 ports"),
        ("postgresql://h:0/d", "a port is not a number from 1 to 65535"),
        ("postgresql://h:99999/d", "a port is not a number from 1 to 65535"),
        ("postgresql://u:hidden/secret@h/d", "Percent-encode"),
        ("postgresql://u:hid@den@h/d", "there is more than one @"),
        ("postgresql://::1/d", "Write IPv6 addresses in brackets"),
        ("postgresql://u:50%@h/d", "without two hexadecimal digits after it"),
        ("postgresql://u:a%00b@h/d", "U+0000"),
    ],
)
def test_invalid_address_is_rejected_with_one_line(text: str, message: str) -> None:
    with pytest.raises(AddressError) as caught:
        parse(text)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "hid" not in str(caught.value)


@pytest.mark.parametrize("name", ["CLIPCAST_DATABASE_URL", "CLIPCAST_DATABASE_DIRECT_URL"])
def test_invalid_address_names_its_setting(name: str) -> None:
    with pytest.raises(
        SettingsError, match=rf"^{name}: there is no connection parameter 'sslmod'. Did you mean sslmode\?"
    ):
        load({name: "postgresql://h/d?sslmod=require"})


def test_address_in_a_log_hides_the_password() -> None:
    address: Any = parse("postgresql://u:hidden@h1,h2:5433/d?sslpassword=hidden")
    assert "hidden" not in repr(address)
    assert str(address) == "h1:5432, h2:5433"
