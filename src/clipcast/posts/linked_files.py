"""The part of preflight that fetches and checks linked files: covers, thumbnails, subtitles.

Only POST /posts/validate and the compose page do this, so that creating a post does not wait for other servers. If a
file cannot be fetched when the post is published, the item shows a warning.
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
from clipcast.platforms.public_fetch import PublicFetcher
from clipcast.platforms.transport import HttpClient
from clipcast.posts.preflight import Checked

# The most files that are checked for one post, and at the same time; the seconds for one, and for one during typing.
MOST = 50
AT_ONCE = 4
PATIENCE = 10.0
PATIENCE_TYPING = 3.0
# How long the compose page uses a result: it is rendered again at every keystroke.
KEPT = timedelta(minutes=1)


@dataclass(frozen=True)
class FileFindings:
    """The problems of one file, with empty paths."""

    errors: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()


CheckFile = Callable[[Installation, str, FileRules], Awaitable[FileFindings]]


async def check_file(
    installation: Installation, url: str, rules: FileRules, patience: float = PATIENCE
) -> FileFindings:
    """Fetch the file and check it by the rules. A file that breaks them is an error, an unavailable one a warning."""
    try:
        async with asyncio.timeout(patience), HttpClient() as client:
            head = await PublicFetcher(client, installation.settings.sandbox_base).fetch(
                url, rules.max_bytes, keep=HEAD
            )
    except InvalidRequest as error:
        return FileFindings(errors=(Problem("", error.code, f"{error.message} {error.fix}"),))
    except (PublishError, TimeoutError) as error:
        why = error.message if isinstance(error, PublishError) else f"{url} did not respond within {patience:g} s."
        return FileFindings(warnings=(Problem("", "not_looked_at", f"{why} Make sure that its address is public."),))
    errors, warnings = rules.check(head)
    return FileFindings(tuple(errors), tuple(warnings))


async def check_files(installation: Installation, checked: Checked, check: CheckFile = check_file) -> None:
    """Add to `checked` the problems of the files that its targets link. Fetch each file once."""
    paths: dict[tuple[str, FileRules], list[str]] = defaultdict(list)
    for target in checked.targets:
        for file in target.metadata.linked_files():
            paths[file.url, file.rules].append(f"{target.path}/metadata/{target.connection.platform}{file.path}")
    wanted = list(paths)
    limit = asyncio.Semaphore(AT_ONCE)

    async def found(url: str, rules: FileRules) -> FileFindings:
        async with limit:
            return await check(installation, url, rules)

    results = await asyncio.gather(*(found(*one) for one in wanted[:MOST]))
    message = f"Clipcast checks only {MOST} files of a post. It has not checked this one."
    results += [FileFindings(warnings=(Problem("", "not_looked_at", message),))] * len(wanted[MOST:])
    for one, result in zip(wanted, results, strict=True):
        for path in paths[one]:
            checked.errors += [problem.under(path) for problem in result.errors]
            checked.warnings += [problem.under(path) for problem in result.warnings]


@dataclass
class FilesCache:
    """The results of the last minute, in one process."""

    _found: dict[tuple[str, FileRules], tuple[datetime, FileFindings]] = field(default_factory=dict)

    async def check_file(self, installation: Installation, url: str, rules: FileRules) -> FileFindings:
        """Return the cached result of `check_file`, or call it."""
        now = clock.now()
        self._found = {one: found for one, found in self._found.items() if found[0] > now}
        if (url, rules) not in self._found:
            self._found[url, rules] = now + KEPT, await check_file(installation, url, rules, PATIENCE_TYPING)
        return self._found[url, rules][1]
