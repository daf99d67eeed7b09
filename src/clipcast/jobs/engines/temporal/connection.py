"""The connection to a Temporal server, and what Clipcast requires of it."""

import asyncio
import functools
import re
from collections.abc import Iterable
from datetime import timedelta

from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, GetSystemInfoRequest
from temporalio.client import Client
from temporalio.runtime import LoggingConfig, Runtime, TelemetryConfig, TelemetryFilter
from temporalio.service import KeepAliveConfig, RetryConfig, RPCError, RPCStatusCode, TLSConfig

from clipcast.common.settings import Settings

# The first version whose namespaces have standalone activities without a setting of the server.
MINIMUM_VERSION = "1.32"
# For the connection and its check.
CONNECT_TIMEOUT = timedelta(seconds=10)
CALL_TIMEOUT = timedelta(seconds=5)
# The client's own retries end soon: the rows know better what to repeat.
RETRIES = RetryConfig(initial_interval_millis=100, max_interval_millis=500, max_elapsed_time_millis=2000, max_retries=4)
# A stalled connection ends within this time.
KEEP_ALIVE = KeepAliveConfig(interval_millis=10_000, timeout_millis=5_000)
# What the client's error means, by a part of its text, which is a debug form.
REASONS = (
    (
        r"InvalidCertificate\((\w+)",
        r"its certificate is not valid (\1). SSL_CERT_FILE adds the file of a private authority",
    ),
    (r"InvalidContentType", "it does not use TLS. Write tls=0 in CLIPCAST_ENGINE"),
    (r"NoCertificatesPresented", "CLIPCAST_TEMPORAL_TLS_CERT holds no certificate"),
    (
        # What the system reports depends on which side writes first.
        r"broken pipe|close_notify|ConnectionReset|connection closed|hyper::Error\(Http2",
        "it closed the connection, or does not respond in HTTP/2. If it needs TLS, write tls=1 in CLIPCAST_ENGINE. If "
        "it needs a certificate of the client, write its file in CLIPCAST_TEMPORAL_TLS_CERT",
    ),
    (r'(?:message|error): "([^"]+)"', r"\1"),
    (r"([^\n]{1,200})", r"\1"),
)


class TemporalUnavailable(Exception):
    """Temporal cannot be used now. The message is one line, with the fix if a person has to act."""


@functools.cache
def runtime() -> Runtime:
    """Return the process's runtime, which has threads. It logs errors only: the engine reports an absent server."""
    quiet = TelemetryFilter(core_level="ERROR", other_level="ERROR")
    return Runtime(telemetry=TelemetryConfig(logging=LoggingConfig(filter=quiet)))


async def connect(settings: Settings, identity: str) -> Client:
    """Connect to the server of the settings and check it. Raise TemporalUnavailable."""
    address = settings.temporal
    assert address is not None
    certificate = None
    if settings.temporal_tls_cert and settings.temporal_tls_key:
        certificate = TLSConfig(
            client_cert=settings.temporal_tls_cert.read_bytes(),
            client_private_key=settings.temporal_tls_key.read_bytes(),
        )
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT.total_seconds()):
            client = await Client.connect(
                address.target,
                namespace=address.namespace,
                api_key=settings.temporal_api_key,
                tls=certificate or address.tls,
                identity=identity,
                retry_config=RETRIES,
                keep_alive_config=KEEP_ALIVE,
                runtime=runtime(),
            )
            await check(client)
    except TimeoutError:
        seconds = CONNECT_TIMEOUT.total_seconds()
        raise TemporalUnavailable(f"the server at {address.target} does not respond within {seconds:.0f} s") from None
    except (RuntimeError, ValueError) as error:  # how the client reports a refused connection and a broken certificate
        raise TemporalUnavailable(f"cannot connect to {address.target}: {_reason(str(error))}") from None
    return client


async def check(client: Client) -> None:
    """Check that the server responds, has the namespace and runs standalone activities. Raise TemporalUnavailable."""
    request = DescribeNamespaceRequest(namespace=client.namespace)
    try:
        found = await client.workflow_service.describe_namespace(request, timeout=CALL_TIMEOUT)
    except RPCError as error:
        raise unavailable(error, client.namespace) from None
    if not found.namespace_info.capabilities.standalone_activities:
        version = await server_version(client)
        raise TemporalUnavailable(
            f"the server's version is {version}, or it disables standalone activities. Clipcast needs "
            f"{MINIMUM_VERSION} or newer: upgrade it"
        )


async def server_version(client: Client) -> str:
    """Return the server's version. Raise TemporalUnavailable."""
    try:
        info = await client.workflow_service.get_system_info(GetSystemInfoRequest(), timeout=CALL_TIMEOUT)
    except RPCError as error:
        raise unavailable(error, client.namespace) from None
    return info.server_version


async def missing_attributes(client: Client, names: Iterable[str]) -> list[str]:
    """Return those of the search attributes that the namespace lacks; none if the server does not list them."""
    request = ListSearchAttributesRequest(namespace=client.namespace)
    try:
        found = await client.operator_service.list_search_attributes(request, timeout=CALL_TIMEOUT)
    except RPCError:
        return []  # Temporal Cloud lists them elsewhere
    return [name for name in names if name not in found.custom_attributes]


def unavailable(error: RPCError, namespace: str) -> TemporalUnavailable:
    """Return the reason of a failed call, with its fix if a person has to act."""
    if error.status is RPCStatusCode.NOT_FOUND:
        fix = f"Create it: temporal operator namespace create --namespace {namespace}"
        return TemporalUnavailable(f"the server has no namespace {namespace}. {fix}")
    if error.status in (RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNAUTHENTICATED):
        fix = "Check CLIPCAST_TEMPORAL_API_KEY or CLIPCAST_TEMPORAL_TLS_CERT"
        return TemporalUnavailable(f"the server rejects the credentials ({error.message}). {fix}")
    return TemporalUnavailable(f"the server responds {error.status.name}: {error.message[:200]}")


def _reason(text: str) -> str:
    matches = ((re.search(pattern, text), meaning) for pattern, meaning in REASONS)
    return next((match.expand(meaning) for match, meaning in matches if match), "no reason is known")
