"""The section `webhooks` of the OpenAPI documents: the request that delivers each type of event."""

from typing import Any

from clipcast.webhooks.events import MEANINGS, models

HEADERS = {
    "webhook-id": "The event's id. It is the same at each attempt and replay: ignore one that you have processed.",
    "webhook-timestamp": "When this attempt began, in seconds since 1970. Reject one that is minutes old.",
    "webhook-signature": "Signatures by Standard Webhooks, with spaces between. One must fit your secret.",
}
EXAMPLES = {
    "webhook-id": "0198c7a4-6a0e-7cc1-9c5e-1f2d3c4b5a69",
    "webhook-timestamp": "1798138800",
    "webhook-signature": "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=",
}
RESPONSES = {
    "2XX": {"description": "The event is accepted. Respond within 15 s."},
    "410": {"description": "Nothing shall be sent to this address any more: Clipcast disables the webhook."},
    "4XX": {"description": "The event is not accepted. Clipcast sends it again, up to ten times within about 3 days."},
}


def event_schemas() -> dict[str, Any]:
    """Return the schemas of all events, and those to which they refer."""
    found: dict[str, Any] = {}
    for model in models().values():
        schema = model.model_json_schema(
            by_alias=True, ref_template="#/components/schemas/{model}", mode="serialization"
        )
        found |= schema.pop("$defs", {})
        found[model.__name__] = schema
    return found


def webhooks_of() -> dict[str, Any]:
    """Return the request of each type of event, by the type."""
    return {name: {"post": _operation(name, model.__name__)} for name, model in models().items()}


def _operation(name: str, schema: str) -> dict[str, Any]:
    meaning = MEANINGS.get(name, "A caller asked for a test of this webhook.")
    return {
        "operationId": "receive" + schema.removesuffix("Event"),
        "summary": name,
        "description": meaning,
        "tags": ["Webhooks"],
        "security": [],
        "parameters": [
            {
                "name": header,
                "in": "header",
                "required": True,
                "description": text,
                "schema": {"type": "string"},
                "example": EXAMPLES[header],
            }
            for header, text in HEADERS.items()
        ],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}},
        },
        "responses": RESPONSES,
    }
