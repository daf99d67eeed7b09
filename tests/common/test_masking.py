"""Masking: secrets leave a JSON value, and everything else stays."""

import pytest

from clipcast.common.masking import MASK, masked, masked_fields, masked_query, masked_text

ID = "0198c7a4-6a0e-7cc1-9c5e-1f2d3c4b5a69"


@pytest.mark.parametrize(
    "name",
    ["password", "appPassword", "secret", "client_secret", "accessToken", "refresh_token", "Authorization", "api_key",
     "apiKey", "X-Api-Key", "Set-Cookie", "code_verifier", "signature"],
)  # fmt: skip
def test_fields_of_secrets_are_masked(name: str) -> None:
    value = {"deep": [{name: "hunter2", "list": ["kept"]}], name: ["hunter2"]}
    assert masked(value) == {"deep": [{name: MASK, "list": ["kept"]}], name: [MASK]}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("First light over the harbour", "First light over the harbour"),
        ("clipcast_AbCdEf0123456789_-x", "clipcast_***"),
        ("the secret whsec_AbC+/dEf0123456789= is new", "the secret whsec_*** is new"),
        ("clipcast_demo", "clipcast_demo"),
        ("https://a.example/files/clip.mp4", "https://a.example/files/clip.mp4"),
        (f"https://a.example/posts/{ID}", f"https://a.example/posts/{ID}"),
        ("https://a.example/f.mp4?sig=abc&x=1#part", "https://a.example/f.mp4?***"),
        (f"https://a.example/uploads/{'x' * 60} and more", "https://a.example/uploads/*** and more"),
        ("https://user:word@a.example/path", "https://a.example/path"),
        ("https://[::1/path", "***"),
        (f"https://hook.eu1.make.com/{'x' * 32}", "https://hook.eu1.make.com/***"),
        ("to https://hooks.slack.com/services/T0/B0/x1 and", "to https://hooks.slack.com/*** and"),
        ("https://discord.com/api/webhooks/1/x", "https://discord.com/***"),
        ("https://hooks.example.org/", "https://hooks.example.org/"),
    ],
)
def test_texts_lose_keys_and_signatures(text: str, shown: str) -> None:
    assert masked_text(text) == shown


def test_addresses_lose_their_paths_where_these_are_secrets() -> None:
    value = {"url": "https://a.example/in/x1?key=2", "note": "see http://b.example/"}
    assert masked(value, hosts_only=True) == {"url": "https://a.example/***", "note": "see http://b.example/"}


def test_other_values_stay() -> None:
    value = {"n": 1, "yes": True, "none": None, "list": [1.5, "text"], "code": "too_long"}
    assert masked(value) == value
    assert masked({"token": 5, "secret": None}) == {"token": 5, "secret": None}
    assert masked({"token": "t"}) == {"token": MASK}


def test_queries_lose_secrets_only() -> None:
    assert masked_query("limit=5&token=hunter2&q=a+b&api_key=&x") == "limit=5&token=***&q=a+b&api_key=***&x="
    assert masked_query("") == ""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("The token: it has expired.", "The token: it has expired."),
        ("a=b&token=hunter2&c=d", "a=b&token=***&c=d"),
        ('password = "hunter 2" x', 'password = "***" x'),
        ('{"a": "b", "token": "hun\\"ter2", "c": 1', '{"a": "b", "token": "***", "c": 1'),
        ('{"deep": {"api_key":"hunt', '{"deep": {"api_key":"***"'),
        ('{"tokens": ["hunter2", "hunter3"], "c": [', '{"tokens": ***, "c": ['),
        ("token" * 4000, "token" * 4000),
    ],
)
def test_fields_within_texts_are_masked(text: str, shown: str) -> None:
    assert masked_fields(text) == shown
