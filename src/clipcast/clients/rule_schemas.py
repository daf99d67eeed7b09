"""The rule of review of a client, in request and response bodies."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from clipcast.common.schemas import UUID, Body, Meanings

REVIEWERS_MAX = 20
NONE = "none"
Members = Annotated[
    list[str],
    Field(
        max_length=REVIEWERS_MAX,
        description="Members of the workspace, by e-mail address.",
        examples=[["ana@example.org"]],
    ),
]
RULE_EXAMPLE: dict[str, Any] = {"rule": "any", "members": ["ana@example.org"], "links": []}


class ClientReview(Body):
    """Who approves the posts of a client."""

    model_config = ConfigDict(extra="forbid", strict=True, json_schema_extra={"example": RULE_EXAMPLE})

    rule: Annotated[
        Literal["none", "any", "all"],
        Meanings(
            {
                "none": "Posts are sent without an approval.",
                "any": "One of the reviewers must approve.",
                "all": "Every reviewer must approve.",
            }
        ),
        Field(description="Whose approval the client's posts need.", examples=["any"]),
    ]
    members: Members = []
    links: Annotated[
        list[Annotated[str, Field(json_schema_extra=UUID)]],
        Field(max_length=REVIEWERS_MAX, description="Open review links of the client, by id.", examples=[[]]),
    ] = []


CLIENT_REVIEW = Field(
    description="Who approves the client's posts. A post without `review` is sent for review by this rule. A post with "
    "`review` must need as much as the rule; only keys with the scope `reviews:decide` can ask for less. A post over "
    "several clients needs all of their reviewers who see each of these clients. If a client with a rule has none, the "
    "post is refused.",
    examples=[RULE_EXAMPLE],
)
