"""The part of preflight that looks at the files behind addresses: covers, thumbnails, subtitles.

Only POST /posts/validate and the compose page do this. Creating a post waits for nobody's server; what cannot be had
when the post is published, the item says.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from clipcast.clock import clock
from clipcast.common.problems import Problem
from clipcast.installation import Installation
from clipcast.platforms.errors import InvalidRequest, PublishError
from clipcast.platforms.files import HEAD, FileRules
from clipcast.platforms.http import make_client
from clipcast.platforms.public_fetch import PublicFetcher
from clipcast.posts.preflight import Checked

# Files that are looked at for one post, and at the same time; and seconds for one, also while somebody types.
MOST = 50
AT_ONCE = 4
PATIENCE = 10.0
PATIENCE_TYPING = 3.0
# How long the compose page goes by what was found: it is made anew with every key that is pressed.
KEPT = timedelta(minutes=1)


@dataclass(frozen=True)
class FileFindings:
    """What is wrong with one file; the problems' paths are empty."""

    errors: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()


Look = Callable[[Installation, str, FileRules], Awaitable[FileFindings]]


async def look_at(installation: Installation, url: str, rules: FileRules, patience: float = PATIENCE) -> FileFindings:
    """Fetch the file and judge it by the rules: an error where it is certain, a warning where it cannot be had now."""
    try:
        async with asyncio.timeout(patience), make_client() as client:
            head = await PublicFetcher(client, installation.settings.sandbox_base).fetch(
                url, rules.max_bytes, keep=HEAD
            )
    except InvalidRequest as error:
        return FileFindings(errors=(Problem("", error.code, f"{error.message} {error.fix}"),))
    except (PublishError, TimeoutError) as error:
        why = error.message if isinstance(error, PublishError) else f"{url} did not answer within {patience:g} s."
        return FileFindings(warnings=(Problem("", "not_looked_at", f"{why} Check that everybody can reach it."),))
    errors, warnings = rules.check(head)
    return FileFindings(tuple(errors), tuple(warnings))


async def check_files(installation: Installation, checked: Checked, look: Look = look_at) -> None:
    """Add to `checked` what is wrong with the files that its targets name. Each file is looked at once."""
    paths: dict[tuple[str, FileRules], list[str]] = defaultdict(list)
    for target in checked.targets:
        for file in target.metadata.linked_files():
            paths[file.url, file.rules].append(f"{target.path}/metadata/{target.connection.platform}{file.path}")
    wanted = list(paths)
    limit = asyncio.Semaphore(AT_ONCE)

    async def found(url: str, rules: FileRules) -> FileFindings:
        async with limit:
            return await look(installation, url, rules)

    results = await asyncio.gather(*(found(*one) for one in wanted[:MOST]))
    message = f"Only {MOST} files of a post are looked at; this one was not."
    results += [FileFindings(warnings=(Problem("", "not_looked_at", message),))] * len(wanted[MOST:])
    for one, result in zip(wanted, results, strict=True):
        for path in paths[one]:
            checked.errors += [problem.under(path) for problem in result.errors]
            checked.warnings += [problem.under(path) for problem in result.warnings]


@dataclass
class FilesCache:
    """What was found a moment ago. Of one process."""

    _found: dict[tuple[str, FileRules], tuple[datetime, FileFindings]] = field(default_factory=dict)

    async def look_at(self, installation: Installation, url: str, rules: FileRules) -> FileFindings:
        """As the function of this name."""
        now = clock.now()
        self._found = {one: found for one, found in self._found.items() if found[0] > now}
        if (url, rules) not in self._found:
            self._found[url, rules] = now + KEPT, await look_at(installation, url, rules, PATIENCE_TYPING)
        return self._found[url, rules][1]
