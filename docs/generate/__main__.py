"""Write the generated pages of the documentation: `make docs`. A test fails when one is out of date."""

from pathlib import Path

import commands
import error_codes
import platform_rules
import python_client

DOCS = Path(__file__).parents[1]
PAGES = {
    "cli.md": commands.page,
    "error-codes.md": error_codes.page,
    "platforms.md": platform_rules.page,
    "../src/clipcast/api/error_codes.json": error_codes.codes,
    "../src/clipcast/sdk/models.py": python_client.models,
    "../src/clipcast/sdk/requests.py": python_client.requests,
    "../src/clipcast/sdk/operations.py": python_client.blocking,
    "../src/clipcast/sdk/async_operations.py": python_client.asynchronous,
}

if __name__ == "__main__":
    for name, page in PAGES.items():
        (DOCS / name).write_text(page())
