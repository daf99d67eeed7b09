"""Submissions: videos whose clips are found by a strategy, and the clips they found."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import PurePath
from typing import Any
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy import delete, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.clips.addresses import file_url
from clipcast.clips.facts import facts_of
from clipcast.clips.service import get_clip
from clipcast.clock import clock
from clipcast.common.ids import new_id, parse_id
from clipcast.common.media import Media, known_media
from clipcast.common.problems import AppError, NotFound, Problem, ValidationFailed
from clipcast.common.validation import problems_of
from clipcast.database import page_of
from clipcast.database.models.clips import Clip, Render
from clipcast.database.models.jobs import Job, JobState
from clipcast.database.models.submissions import FoundClip, Submission
from clipcast.installation import Installation
from clipcast.jobs.kinds import ANALYZE, KINDS
from clipcast.jobs.wake import wake_workers
from clipcast.rendering.analysis import CPU_BASE, CPU_PER_SECOND, Subject
from clipcast.renders.edit_schemas import EditBody
from clipcast.renders.places import lock_count
from clipcast.renders.service import download_url, require_ready
from clipcast.renders.strategies import DEFAULT, FOUND_MAX, STRATEGIES, Found, Limits, Strategy
from clipcast.renders.submission_schemas import SubmitVideo
from clipcast.renders.templates import get_template, usable

# The most submissions of one workspace that wait or run.
QUEUE_MAX = 50
QUEUE_PAUSE = 60  # seconds, for Retry-After
UNFINISHED = ("queued", "analyzing")
# Callers round a video's duration by less than this (seconds).
ROUNDED = 1.0


async def submit(session: AsyncSession, workspace_id: UUID, body: SubmitVideo) -> tuple[Submission, list[Problem]]:
    """Create a submission. Return it with warnings: what of the body has no effect.

    One that needs no analysis is completed at once; a renderer runs any other.

    Raises NotFound, AppError 409 for an unfinished upload, 429, and ValidationFailed with all problems.
    """
    clip = await get_clip(session, workspace_id, body.video_id, lock=True)
    require_ready(clip)
    media = facts_of(clip)
    strategy, edit, problems = await _choose(session, workspace_id, body)
    limits = _limits(body, strategy, media, problems)
    if problems:
        raise ValidationFailed(problems)
    warnings = _without_effect(body, strategy, media)
    if strategy.reads_file:
        await _require_place(session, workspace_id)
    now = clock.now()
    submission = Submission(
        id=new_id(),
        created_at=now,
        workspace_id=workspace_id,
        clip_id=clip.id,
        strategy=strategy.id,
        limits=asdict(limits),
        edit=edit,
    )
    session.add(submission)
    if strategy.reads_file:
        await session.flush()
        _add_job(session, submission)
        return submission, warnings
    found = await strategy.find(media, limits, _no_cuts)
    submission.status, submission.started_at, submission.completed_at = "completed", now, now
    await session.flush()
    session.add_all(found_clips(submission.id, edit, clip.title, found))
    await session.flush()
    return submission, warnings


async def _choose(
    session: AsyncSession, workspace_id: UUID, body: SubmitVideo
) -> tuple[Strategy, dict[str, Any], list[Problem]]:
    """Return the strategy and the template's edit. A template may also be the name of a strategy."""
    problems: list[Problem] = []
    edit: dict[str, Any] = {}
    template = body.template_id
    chosen = body.strategy_id or (template if template in STRATEGIES else None) or DEFAULT
    if chosen not in STRATEGIES:
        message = f"There is no strategy {chosen!r}. Use one of: {', '.join(STRATEGIES)}."
        problems.append(Problem("/strategy_id", "not_allowed", message))
    if template is not None and template not in STRATEGIES:
        try:
            edit = usable((await get_template(session, workspace_id, template)).edit)
        except NotFound as error:
            problems.append(Problem("/template_id", error.code, error.detail))
    return STRATEGIES.get(chosen, STRATEGIES[DEFAULT]), edit, problems


def _limits(body: SubmitVideo, strategy: Strategy, media: Media, problems: list[Problem]) -> Limits:
    frame, duration = body.timeframe, media.duration
    start, end = (frame.start, duration if frame.end is None else frame.end) if frame else (0.0, duration)
    if start >= duration:
        message = f"The start is after the end of the video: {start:g} s, of {duration:g} s. Choose an earlier one."
        problems.append(Problem("/timeframe/start", "after_the_end", message, duration, start))
    elif end <= start:
        message = f"The end is not after the start at {start:g} s: {end:g} s. Choose a later one."
        problems.append(Problem("/timeframe/end", "too_small", message, start, end))
    least = strategy.min_length if body.min_length is None else body.min_length
    most = max(strategy.max_length, least) if body.max_length is None else body.max_length
    if most < least and body.min_length is None:
        least = most
    if most < least:
        message = f"The maximum is below the minimum: {most:g} s, minimum {least:g} s. Raise it."
        problems.append(Problem("/max_length", "too_small", message, least, most))
    # Whoever names the end of a video by a rounded duration means its end.
    return Limits(start, min(end, duration), least, most)


def _without_effect(body: SubmitVideo, strategy: Strategy, media: Media) -> list[Problem]:
    """Return warnings about what is accepted and ignored: clients of the original API may send it."""
    warnings = []
    end = body.timeframe.end if body.timeframe else None
    if end is not None and end > media.duration + ROUNDED:
        message = f"The end is after the end of the video: {end:g} s, of {media.duration:g} s. The clips end there."
        warnings.append(Problem("/timeframe/end", "after_the_end", message, media.duration, end))
    if not strategy.reads_file:
        for name in ("min_length", "max_length"):
            if (length := getattr(body, name)) is not None:
                message = f"The strategy {strategy.id} makes one clip of any length: {length:g} s has no effect."
                warnings.append(Problem(f"/{name}", "without_effect", message))
    return warnings


async def _no_cuts(subject: Subject) -> list[float]:
    return []


async def _require_place(session: AsyncSession, workspace_id: UUID) -> None:
    await lock_count(session, workspace_id)
    query = select(func.count()).where(Submission.workspace_id == workspace_id, Submission.status.in_(UNFINISHED))
    waiting = (await session.execute(query)).scalar_one()
    if waiting >= QUEUE_MAX:
        message = f"{waiting} submissions wait or are analyzed, the maximum is {QUEUE_MAX}. Try again later."
        raise AppError(429, "submission_queue_full", message, headers={"Retry-After": str(QUEUE_PAUSE)})


def _add_job(session: AsyncSession, submission: Submission) -> None:
    kind = KINDS[ANALYZE]
    job = Job(
        id=submission.id,
        workspace_id=submission.workspace_id,
        kind=kind.name,
        subject_id=submission.id,
        queue=kind.queue,
        priority=kind.priority,
        state=JobState.READY,
        due_at=clock.now(),
    )
    session.add(job)
    wake_workers(session, kind.queue)


def found_clips(submission_id: UUID, edit: dict[str, Any], title: str, found: Sequence[Found]) -> list[FoundClip]:
    """Return the rows of what a strategy found."""
    return [
        FoundClip(
            submission_id=submission_id,
            position=number,
            title=one.title or (title if len(found) == 1 else f"{title} ({number})"),
            rating=one.rating,
            start_time=round(one.start, 3),
            end_time=round(one.end, 3),
            edit=edit,
        )
        for number, one in enumerate(found, 1)
    ]


async def get_submission(
    session: AsyncSession, workspace_id: UUID, video_id: str, submission_id: str, lock: bool = False
) -> Submission:
    """Return a submission of a video. Raises NotFound."""
    query = select(Submission).where(
        Submission.workspace_id == workspace_id,
        Submission.clip_id == parse_id(video_id),
        Submission.id == parse_id(submission_id),
    )
    found = (await session.execute(query.with_for_update() if lock else query)).scalar_one_or_none()
    if found is None:
        raise NotFound("submission", submission_id)
    return found


async def list_submissions(
    session: AsyncSession, workspace_id: UUID, video_id: str, offset: int, limit: int
) -> tuple[list[Submission], int]:
    """Return a page of a video's submissions, newest first, and the number of all. Raises NotFound for the video."""
    clip = await get_clip(session, workspace_id, video_id)
    query = select(Submission).where(Submission.clip_id == clip.id).order_by(Submission.id.desc())
    return await page_of(session, query, offset, limit)


async def count_clips(session: AsyncSession, submissions: Iterable[Submission]) -> dict[UUID, int]:
    """Return the number of clips by submission. One without clips is absent."""
    query = (
        select(FoundClip.submission_id, func.count())
        .where(FoundClip.submission_id.in_([one.id for one in submissions]))
        .group_by(FoundClip.submission_id)
    )
    return {submission_id: count for submission_id, count in await session.execute(query)}  # noqa: C416


async def limited(session: AsyncSession, submissions: Iterable[Submission]) -> set[UUID]:
    """Return the submissions that found FOUND_MAX clips before the end of the part to search."""
    query = (
        select(FoundClip.submission_id)
        .join(Submission, Submission.id == FoundClip.submission_id)
        .where(
            FoundClip.submission_id.in_([one.id for one in submissions]),
            FoundClip.position == FOUND_MAX,
            # Times of clips are rounded to a millisecond.
            FoundClip.end_time < Submission.limits["end"].as_float() - 0.001,
        )
    )
    return set(await session.scalars(query))


async def queue_position(session: AsyncSession, submission: Submission) -> int | None:
    """Return the place among the workspace's waiting submissions, from 1; None if it does not wait."""
    if submission.status != "queued":
        return None
    query = select(func.count()).where(
        Submission.workspace_id == submission.workspace_id,
        Submission.status == "queued",
        Submission.id <= submission.id,
    )
    return (await session.execute(query)).scalar_one()


def estimated_seconds(submission: Submission, clip: Clip) -> int | None:
    """Return about how long the analysis takes; None if it has ended."""
    media = known_media(clip.media)
    if submission.status not in UNFINISHED or media is None:
        return None
    # The limit is several times the usual time.
    return max(1, round((CPU_BASE / 10 + CPU_PER_SECOND * media.duration) / 10))


async def list_found(
    session: AsyncSession, submission: Submission, min_rating: float | None, limit: int | None
) -> list[FoundClip]:
    """Return the clips in order: the best first if they are rated. Clips without a rating pass any `min_rating`."""
    query = select(FoundClip).where(FoundClip.submission_id == submission.id)
    if min_rating is not None:
        query = query.where(or_(FoundClip.rating.is_(None), FoundClip.rating >= min_rating))
    query = query.order_by(FoundClip.rating.desc().nulls_last(), FoundClip.position).limit(limit)
    return list((await session.execute(query)).scalars())


async def get_found(session: AsyncSession, submission: Submission, clip_id: str, lock: bool = False) -> FoundClip:
    """Return a clip of a submission. Raises NotFound."""
    query = select(FoundClip).where(FoundClip.submission_id == submission.id, FoundClip.id == parse_id(clip_id))
    found = (await session.execute(query.with_for_update() if lock else query)).scalar_one_or_none()
    if found is None:
        raise NotFound("clip", clip_id)
    return found


async def apply_template(
    session: AsyncSession, workspace_id: UUID, submission: Submission, template_id: str, clip_ids: list[str] | None
) -> list[FoundClip]:
    """Give clips the edit of a template, and return them. Renders that exist stay as they are.

    The name of a strategy, which is listed among the templates, stands for no edit. Raises ValidationFailed for an
    unknown template or clip.
    """
    problems: list[Problem] = []
    edit: dict[str, Any] = {}
    if template_id not in STRATEGIES:
        try:
            edit = usable((await get_template(session, workspace_id, template_id)).edit)
        except NotFound as error:
            problems.append(Problem("/template_id", error.code, error.detail))
    query = select(FoundClip).where(FoundClip.submission_id == submission.id).order_by(FoundClip.position)
    clips = {str(one.id): one for one in (await session.execute(query.with_for_update())).scalars()}
    for index, clip_id in enumerate(clip_ids or ()):
        if clip_id not in clips:
            message = f"This submission has no clip {clip_id[:100]!r}. Remove it from the list."
            problems.append(Problem(f"/clip_ids/{index}", "not_found", message))
    if problems:
        raise ValidationFailed(problems)
    chosen = [clips[id] for id in dict.fromkeys(clip_ids)] if clip_ids is not None else list(clips.values())
    for one in chosen:
        if one.edit != edit:
            one.edit, one.render_id = edit, None
    return chosen


def edit_of(found: FoundClip, media: Media) -> EditBody:
    """Return what a render makes of a clip: its template's edit, cut to the clip.

    The times of a trim in the template are left out, because the clip replaces them. Raises ValidationFailed if a newer
    version does not accept the stored edit.
    """
    stored = {name: value for name, value in usable(found.edit).items() if name != "trim"}
    if found.start_time > 0 or found.end_time < round(media.duration, 3):
        precision = found.edit.get("trim", {}).get("precision", "exact")
        stored["trim"] = {"start": found.start_time, "end": found.end_time, "precision": precision}
    try:
        return EditBody.model_validate(stored)
    except ValidationError as error:
        raise ValidationFailed(problems_of(error, EditBody)) from None


async def delete_submission(session: AsyncSession, submission: Submission) -> None:
    """Delete a submission with its clips. An analysis under way ends. Renders of the clips stay."""
    await session.execute(delete(Submission).where(Submission.id == submission.id))


def play_url(installation: Installation, clip: Clip, found: FoundClip) -> str:
    """Return a signed URL of the video, with the clip as a media fragment."""
    settings, vault = installation.settings, installation.vault
    url = file_url(settings, vault, clip.storage_key, clip.file_name, clip.content_type, clip.size or -1)
    return f"{url}#t={found.start_time:g},{found.end_time:g}"


def rendered_url(installation: Installation, render: Render | None) -> str | None:
    """Return a signed URL of the rendered clip; None until it is completed."""
    if render is None or render.current_status != "completed":
        return None
    return download_url(installation, render)


def render_name(found: FoundClip) -> str:
    """Return the name of a clip's render."""
    return PurePath(found.title).name[:255] or "Clip"
