"""The address of a mail server, and the sender."""

import pytest

from clipcast.common.settings import SettingsError, load
from clipcast.common.smtp_address import SmtpAddress, SmtpAddressError, parse_smtp


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("smtp://mail.example.org", SmtpAddress("mail.example.org", 587, "starttls")),
        ("smtps://mail.example.org", SmtpAddress("mail.example.org", 465, "implicit")),
        ("smtp://mail?tls=none", SmtpAddress("mail", 25, "none")),
        ("smtp://a%40b:p%3A%2F%40@[::1]:2525/?tls=none", SmtpAddress("::1", 2525, "none", "a@b", "p:/@")),
        ("smtp://u:p@localhost:1025?tls=starttls", SmtpAddress("localhost", 1025, "starttls", "u", "p")),
    ],
)
def test_address_has_defaults(text: str, address: SmtpAddress) -> None:
    assert parse_smtp(text) == address


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mail.example.org:587", "give an address such as"),
        ("smtp://user:s3cret@mail.example.org?tls=none", "unencrypted"),
        ("smtp://user:s3cret@mail.example.org?ssl=1", "unknown parameter"),
        ("smtp://user:s3cret@mail.example.org?tls=maybe", "tls=starttls or tls=none"),
        ("smtps://user:s3cret@mail.example.org?tls=none", "remove tls"),
        ("smtp://user:s3cret@mail.example.org:99999", "1 to 65535"),
        ("smtp://user:s3cret@ma il", "give an address such as"),
    ],
)
def test_invalid_address_is_explained_without_its_password(text: str, message: str) -> None:
    with pytest.raises(SmtpAddressError, match=message):
        parse_smtp(text)
    with pytest.raises(SettingsError) as raised:
        load({"CLIPCAST_SMTP_URL": text, "CLIPCAST_MAIL_FROM": "a@example.org"})
    assert "s3cret" not in str(raised.value)


def test_password_is_not_shown() -> None:
    assert "s3cret" not in repr(parse_smtp("smtp://user:s3cret@mail.example.org"))


@pytest.mark.parametrize(
    "sender", [None, "nobody", "a@example.org\r\nBcc: b@example.org", "A, B <a@example.org>", "A <a@example.org"]
)
def test_sender_is_one_address(sender: str | None) -> None:
    """A mail server needs a sender: one address, without a line end."""
    values = {"CLIPCAST_SMTP_URL": "smtp://mail.example.org"} | ({"CLIPCAST_MAIL_FROM": sender} if sender else {})
    with pytest.raises(SettingsError, match="CLIPCAST_MAIL_FROM"):
        load(values)


@pytest.mark.parametrize("sender", ["a@example.org", "Clipcast Zürich <clipcast@example.org>"])
def test_sender_may_have_a_name(sender: str) -> None:
    assert load({"CLIPCAST_SMTP_URL": "smtp://mail.example.org", "CLIPCAST_MAIL_FROM": sender}).mail_from == sender
