"""`clipcast health`."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from clipcast.cli.support import fail


def health(
    url: Annotated[
        str, typer.Option(help="Address of the API or of a worker's health port.")
    ] = "http://127.0.0.1:8000",
    timeout: Annotated[float, typer.Option(min=0.1, help="Maximum wait for the response, in seconds.")] = 6.0,
) -> None:
    """Check a running process by its /readyz. Exit code 1 if it is not ready, for health checks."""
    import httpx2

    try:
        with httpx2.Client(trust_env=False, timeout=timeout) as client:
            response = client.get(url.rstrip("/") + "/readyz")
        checks = response.json()["checks"]
    except (httpx2.HTTPError, httpx2.InvalidURL, json.JSONDecodeError, KeyError, TypeError) as error:
        raise fail(f"No Clipcast responds at {url} ({type(error).__name__}).") from None
    for name, result in checks.items():
        typer.echo(f"{name}: {result}")
    if response.status_code != 200:
        raise typer.Exit(1)
