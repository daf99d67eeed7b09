"""The settings that pages offer again in the next post to an account: those of its last post that a person made.

The platforms' metadata declares which fields are such settings (`Metadata.remembered_fields`). POST /posts fills in
nothing.
"""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from clipcast.database.hot_queries import Executor, Statement
from clipcast.database.models.connections import Connection
from clipcast.platforms.metadata import Metadata
from clipcast.platforms.registry import PLATFORMS

# Settings by field, by `connectionId`. A setting that is missing had its default.
LastSettings = dict[str, dict[str, Any]]

LAST = Statement("""
    SELECT account.id, last.details
    FROM unnest(CAST(:connection_ids AS uuid[])) AS account(id)
    CROSS JOIN LATERAL (
        SELECT items.details FROM items
        WHERE items.connection_id = account.id AND items.workspace_id = :workspace_id AND items.by_person
        ORDER BY items.id DESC LIMIT 1
    ) AS last
""")


async def last_settings(executor: Executor, workspace_id: UUID, accounts: Collection[Connection]) -> LastSettings:
    """Return the settings of the last item of each account that a person made. Accounts without one are missing.

    Values that the platform's metadata does not accept any more are left out.
    """
    models = {one.id: PLATFORMS[one.platform].metadata for one in accounts}
    ids = [id for id, model in models.items() if model.remembered_fields]
    if not ids:
        return {}
    rows = await executor.fetch(LAST, {"connection_ids": ids, "workspace_id": workspace_id})
    return {str(row["id"]): _accepted(models[row["id"]], row["details"]) for row in rows}


def _accepted(model: type[Metadata], details: Mapping[str, Any]) -> dict[str, Any]:
    found = {name: details[name] for name in model.remembered_fields if details.get(name) is not None}
    try:
        model.model_validate(found)
    except ValidationError as error:
        # Required fields that are no settings are missing, too.
        refused = {problem["loc"][0] for problem in error.errors() if problem["loc"]}
        return {name: value for name, value in found.items() if name not in refused}
    return found


def still_offered(model: type[Metadata], settings: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings without those that the account does not offer now, by `Platform.options`."""
    found = dict(settings)
    for name in model.offered_fields:
        if name in found and not any(_is_chosen(model, one, name, found) for one in options.get(name, ())):
            del found[name]
    return found


def _is_chosen(model: type[Metadata], option: Any, name: str, settings: Mapping[str, Any]) -> bool:
    """Return whether an option has the value of this setting, and belongs to the other settings that it names."""
    if not isinstance(option, Mapping):
        return bool(option == settings[name])
    belongs = all(settings.get(other) == value for other, value in option.items() if other in model.offered_fields)
    return belongs and option.get("id") == settings[name]


def offer_again(
    content: dict[str, Any], accounts: Collection[Connection], last: LastSettings, added: Collection[str]
) -> None:
    """Fill the settings of the `added` accounts of a draft in, as they were last. What the draft says wins.

    Accounts of a platform that are added together, and had the same, share it. Others have their own, unless the draft
    has chosen something else for the accounts that were there before.
    """
    for platform in {one.platform: None for one in accounts}:
        model = PLATFORMS[platform].metadata
        ids = [str(one.id) for one in accounts if one.platform == platform]
        new, former = [id for id in ids if id in added], [id for id in ids if id not in added]
        of_account = set(model.offered_fields) - set(model.shared_offers)
        defaults = _defaults(model)
        for name in model.remembered_fields:
            default = defaults[name]
            wanted = {id: last[id].get(name, default) for id in ids if id in last}
            news = {id: wanted[id] for id in new if wanted.get(id) is not None}
            if name in of_account:
                for id, value in news.items():
                    content["by_account"].setdefault(id, {}).setdefault(name, value)
                continue
            settings = content["by_platform"].get(platform, {})
            shared = settings.get(name, default)
            # A template names defaults, too.
            if name in settings and not former:
                continue
            if shared not in ([wanted[id] for id in former if id in wanted] or [default]):
                continue
            first = next(iter(news.values()), default)
            if not former and len(news) == len(new) and all(value == first for value in news.values()):
                if first != default:
                    content["by_platform"].setdefault(platform, {})[name] = first
                continue
            for id, value in news.items():
                if value != shared:
                    content["by_account"].setdefault(id, {}).setdefault(name, value)
                    content["own"] = list(dict.fromkeys([*content["own"], id]))


def drop_defaults(content: dict[str, Any]) -> None:
    """Remove what a template said of a draft's settings that are the defaults: drafts name other values only."""
    for platform, settings in content["by_platform"].items():
        defaults = _defaults(PLATFORMS[platform].metadata)
        content["by_platform"][platform] = {
            name: value for name, value in settings.items() if name not in defaults or value != defaults[name]
        }
    for id, own in content["by_account"].items():
        content["by_account"][id] = {name: value for name, value in own.items() if value is not None}


def _defaults(model: type[Metadata]) -> dict[str, Any]:
    """Return the defaults of the fields, as callers write them; None for required ones."""
    return {
        one.alias or name: None if one.is_required() else one.get_default(call_default_factory=True)
        for name, one in model.model_fields.items()
    }
