"""The recorded timeline of each attempt."""

from sqlalchemy import select

from clipcast.database.models.jobs import Attempt, AttemptEvent
from clipcast.testing.harness import Caller, Stage


async def test_timeline_shows_each_attempt_from_start_to_decision(stage: Stage) -> None:
    connection = await stage.connect("youtube")
    await stage.sandbox.fault("youtube", "session", "before", "status", status=503)
    post_id = await stage.post(connection, "youtube", {"title": "Tide"})
    await stage.run_until_ended()
    row = await stage.row(post_id)
    async with stage.installation.database.session() as session:
        query = select(Attempt).where(Attempt.item_id == row.id).order_by(Attempt.number)
        first, second = (await session.execute(query)).scalars()
        events = (
            await session.execute(
                select(AttemptEvent).where(AttemptEvent.attempt_id == second.id).order_by(AttemptEvent.id)
            )
        ).scalars().all()  # fmt: skip
    assert (first.number, first.decision, first.error["code"]) == (1, "retry", "platform_unavailable")
    assert "the next attempt starts in" in first.reason
    assert (second.number, second.decision, second.error) == (2, "published", None)
    assert all(attempt.started_at <= attempt.ended_at for attempt in (first, second))
    sent = [event for event in events if event.kind == "request"]
    assert [event.name for event in sent] == ["channels", "session", "bytes", "videos", "videos_update"]
    assert {event.http_status for event in sent} == {200, 201}
    assert sent[2].bytes_sent == stage.clip.stat().st_size
    assert events[-1].kind == "decision"
    path = f"/posts/{post_id}/items/{row.id}/attempts"
    shown = (await stage.caller.get(path)).json()["attempts"]
    assert [attempt["decision"] for attempt in shown] == ["retry", "published"]
    assert [event["name"] for event in shown[1]["events"] if event["kind"] == "request"] == [e.name for e in sent]
    other = await Caller.create(stage.installation, stage.caller.http, "Other")
    assert (await other.get(path)).status_code == 404
