"""Tokens stay unreadable in the database, the log and errors."""

import io

import structlog
from sqlalchemy import text

from clipcast.connections.tokens import unseal
from clipcast.testing.harness import Stage

TIKTOK = {"privacyLevel": "PUBLIC_TO_EVERYONE"}


async def test_tables_logs_and_errors_hold_no_token(stage: Stage, capsys) -> None:  # type: ignore[no-untyped-def]
    lines = io.StringIO()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(lines))
    connections = [await stage.connect(platform) for platform in ("tiktok", "youtube")]
    posts = [
        await stage.post(connections[0], "tiktok", TIKTOK),
        await stage.post(connections[1], "youtube", {"title": "Tide"}),
    ]
    await stage.sandbox.fault("*", "*", "after", "status", status=500, times=2)
    await stage.sandbox.fault("*", "*", "after", "reset", times=2)
    await stage.run_until_ended()
    assert {(await stage.item(post))["status"] for post in posts} == {"published"}
    secrets: set[str] = set()
    async with stage.installation.database.connect() as database:
        for sealed in (await database.execute(text("SELECT tokens FROM connections"))).scalars():
            tokens = unseal(stage.installation.vault, sealed)
            secrets |= {tokens.access_token, tokens.refresh_token or ""}
        for sealed in (await database.execute(text("SELECT result FROM journal"))).scalars():
            result = stage.installation.vault.open(sealed)
            secrets |= {result[name] for name in ("uri", "upload_url") if isinstance(result, dict) and name in result}
        tables = (
            await database.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))
        ).scalars().all()  # fmt: skip
        stored = ""
        for table in tables:
            stored += str((await database.execute(text(f'SELECT t::text FROM "{table}" t'))).scalars().all())
    assert len(secrets) == 6
    for secret in secrets:
        assert secret not in stored
        assert secret not in lines.getvalue()
    received = (await stage.sandbox.client.get("/__sandbox/requests")).text
    assert all(secret not in received for secret in secrets)
