"""A client's signature and hashtag sets. Callers of these functions commit."""

import unicodedata
from functools import partial
from uuid import UUID

from pydantic_core import PydanticCustomError
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.audit.service import Actor, record
from clipcast.clients import repository
from clipcast.clients.schemas import NAME_MAX, SEPARATORS, SIGNATURE_MAX, TAG_MAX, TAGS_MAX
from clipcast.clock import clock
from clipcast.common.ids import new_id, parse_id
from clipcast.common.names import clean_name, name_key
from clipcast.common.problems import NotFound, Problem, ValidationFailed
from clipcast.database.models.clients import Client, HashtagSet

SETS_MAX = 50


async def set_signature(session: AsyncSession, workspace_id: UUID, client_id: str, typed: str, actor: Actor) -> Client:
    """Change the text that follows the captions of a client's posts. Raise NotFound or ValidationFailed."""
    client = await repository.get_client(session, workspace_id, client_id, lock=True)
    signature = unicodedata.normalize("NFC", typed).strip()
    if len(signature) > SIGNATURE_MAX:
        message = f"Too long: {len(signature)} characters, maximum {SIGNATURE_MAX}. Shorten it."
        raise ValidationFailed([Problem("/signature", "too_long", message, SIGNATURE_MAX, len(signature))])
    if signature != client.signature:
        client.signature, client.updated_at = signature, clock.now()
        record(session, workspace_id, actor, "client.signature_changed", client.name, client.id)
    return client


def with_signature(text: str, signature: str) -> str:
    """Return a caption with the signature once: after the text, before the hashtags at its end."""
    if not signature or signature in text:
        return text
    lines = text.rstrip().split("\n")
    words = len(lines)
    while words and all(word.startswith("#") for word in lines[words - 1].split()):
        words -= 1
    body, tags = "\n".join(lines[:words]).rstrip(), "\n".join(lines[words:]).strip()
    return "\n\n".join(part for part in (body, signature, tags) if part)


def read_tags(typed: str) -> list[str]:
    """Return hashtags without #, each once, in their order. Raise PydanticCustomError."""
    found = {unicodedata.normalize("NFC", word): None for word in SEPARATORS.split(typed) if word}
    tags = [tag for tag in found if tag]
    if not tags:
        raise PydanticCustomError("too_short", "There is no hashtag. Write at least one, such as #harbour.")
    if len(tags) > TAGS_MAX:
        raise PydanticCustomError(
            "too_long", "Too many: there are {actual} hashtags, maximum {limit}. Remove some.",
            {"actual": len(tags), "limit": TAGS_MAX},
        )  # fmt: skip
    if wrong := next((tag for tag in tags if len(tag) > TAG_MAX), None):
        raise PydanticCustomError(
            "too_long", "The hashtag #{tag}… is too long: {actual} characters, maximum {limit}. Shorten it.",
            {"tag": wrong[:20], "actual": len(wrong), "limit": TAG_MAX},
        )  # fmt: skip
    return tags


async def hashtag_sets_of(session: AsyncSession, client_id: UUID) -> list[HashtagSet]:
    """Return the hashtag sets of a client by name."""
    query = select(HashtagSet).where(HashtagSet.client_id == client_id)
    return list(await session.scalars(query.order_by(HashtagSet.name_key)))


async def get_hashtag_set(session: AsyncSession, client_id: UUID, set_id: str) -> HashtagSet:
    """Return a hashtag set of a client. Raise NotFound."""
    query = select(HashtagSet).where(HashtagSet.client_id == client_id, HashtagSet.id == parse_id(set_id))
    found = (await session.scalars(query)).one_or_none()
    if found is None:
        raise NotFound("hashtag set", set_id)
    return found


async def save_hashtag_set(
    session: AsyncSession, workspace_id: UUID, client_id: str, set_id: str | None, name: str, tags: str, actor: Actor
) -> HashtagSet:
    """Create a hashtag set, or change the one with this id. Raise NotFound or ValidationFailed."""
    client = await repository.get_client(session, workspace_id, client_id, lock=True)
    problems, values = [], {}
    for field, read, typed in (("name", partial(clean_name, maximum=NAME_MAX), name), ("tags", read_tags, tags)):
        try:
            values[field] = read(typed)
        except PydanticCustomError as error:
            problems.append(Problem(f"/{field}", error.type, error.message()))
    if problems:
        raise ValidationFailed(problems)
    sets = await hashtag_sets_of(session, client.id)
    own = next((one for one in sets if set_id and one.id == parse_id(set_id)), None)
    if set_id and own is None:
        raise NotFound("hashtag set", set_id)
    key = name_key(str(values["name"]))
    if any(one.name_key == key for one in sets if one is not own):
        message = f"The client has another set '{values['name']}'. Choose another name."
        raise ValidationFailed([Problem("/name", "not_unique", message)])
    if own is None:
        if len(sets) >= SETS_MAX:
            message = f"The client has {len(sets)} hashtag sets, maximum {SETS_MAX}. Delete one first."
            raise ValidationFailed([Problem("/name", "too_long", message, SETS_MAX, len(sets))])
        own = HashtagSet(id=new_id(), client_id=client.id)
        session.add(own)
    own.name, own.name_key, own.tags = str(values["name"]), key, list(values["tags"])
    record(session, workspace_id, actor, "client.hashtags_changed", client.name, client.id, set=own.name)
    await session.flush()
    return own


async def delete_hashtag_set(
    session: AsyncSession, workspace_id: UUID, client_id: str, set_id: str, actor: Actor
) -> None:
    """Delete a hashtag set. Raise NotFound."""
    client = await repository.get_client(session, workspace_id, client_id, lock=True)
    found = next((one for one in await hashtag_sets_of(session, client.id) if one.id == parse_id(set_id)), None)
    if found is None:
        raise NotFound("hashtag set", set_id)
    record(session, workspace_id, actor, "client.hashtags_deleted", client.name, client.id, set=found.name)
    await session.delete(found)
