"""The request and response bodies of reviews."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from clipcast.clients.rule_schemas import REVIEWERS_MAX, Members
from clipcast.common.names import name_of_at_most
from clipcast.common.pagination import Pagination
from clipcast.common.schemas import UUID, Body, Id, Meanings, ResponseModel, Timestamp
from clipcast.reviews.states import ShownState

TEXT_MAX = 2000
# Of links, and of people who have one.
NAME_MAX = 80
NO_NAME = f"Give a name of at most {NAME_MAX} characters."
# Longer than any clip, in seconds.
SECOND_MAX = 86_400

Rule = Annotated[
    Literal["any", "all"],
    Meanings(
        {
            "any": "Each reviewer decides alone. The latest decision counts.",
            "all": "Every reviewer must approve.",
        }
    ),
]
Decision = Annotated[
    Literal["approved", "changes_requested"],
    Meanings({"approved": "The reviewer approves this revision.", "changes_requested": "The reviewer wants changes."}),
]
REVIEW_EXAMPLE: dict[str, Any] = {
    "members": ["ana@example.org"],
    "links": ["0198c7a4-b185-7c46-8d3f-5e6f7a8b9c0d"],
    "rule": "any",
    "message": "The new cut is in.",
}


class ReviewRequest(Body):
    """Who must approve a post before it is sent."""

    model_config = ConfigDict(json_schema_extra={"example": REVIEW_EXAMPLE})

    members: Members = []
    links: Annotated[
        list[Annotated[str, Field(json_schema_extra=UUID)]],
        Field(
            max_length=REVIEWERS_MAX,
            description="Review links, by id. Whoever has the link reviews without a sign-in.",
            examples=[["0198c7a4-b185-7c46-8d3f-5e6f7a8b9c0d"]],
        ),
    ] = []
    rule: Annotated[Rule, Field(description="Whose approval is necessary.", examples=["any"])] = "any"
    message: Annotated[
        str,
        Field(max_length=TEXT_MAX, description="A text for the reviewers.", examples=["The new cut is in."]),
    ] = ""


REVIEW = Field(
    description="Who must approve the post before it is sent. Until then, it stays `pending`, also past its time. "
    "Without `scheduled_at`, it is sent as soon as it is approved. If a client of the post has a rule of review, this "
    "must need as much. Keys with the scope `reviews:decide` can ask for less.",
    examples=[REVIEW_EXAMPLE],
)
REVISION = Field(
    ge=1,
    description="The `revision` that was looked at. If the clips, accounts or words have changed since, Clipcast "
    "changes nothing and returns 409 `review_changed`.",
    examples=[2],
)
REVIEWER_ID = Field(
    description="The reviewer for whom you decide, from `GET /posts/{post_id}/review`. Ask that person first.",
    json_schema_extra={"format": "uuid"},
    examples=["0198c7a4-c296-7d57-9e40-6f7a8b9c0d1e"],
)


class ApproveReview(Body):
    """The approval of a revision, for one reviewer."""

    reviewer_id: Annotated[str, REVIEWER_ID]
    revision: Annotated[int, REVISION]


class RequestChanges(ApproveReview):
    """What a reviewer wants to be changed."""

    text: Annotated[
        str,
        Field(
            min_length=1,
            max_length=TEXT_MAX,
            description="What to change, as plain text.",
            examples=["Show the finger test a second longer."],
        ),
    ]


class NewComment(Body):
    """A comment on a post in review."""

    text: Annotated[
        str, Field(min_length=1, max_length=TEXT_MAX, description="Plain text.", examples=["It is 2 s longer now."])
    ]
    at_second: Annotated[
        float | None,
        Field(
            ge=0,
            le=SECOND_MAX,
            allow_inf_nan=False,
            description="The second of the clip that it is about.",
            examples=[14.0],
        ),
    ] = None
    public: Annotated[bool, Field(description="Whether the people of review links see it.", examples=[True])] = False


class ReviewerOut(ResponseModel):
    """A reviewer, and the decision about the present revision."""

    id: Annotated[Id, Field(description="The reviewer's id in this review.")]
    kind: Annotated[
        Literal["member", "link"],
        Meanings({"member": "A member of the workspace.", "link": "The people who have a review link."}),
        Field(description="Who reviews."),
    ]
    name: Annotated[str, Field(description="The member's name, or the link's.", examples=["Casa Verde Plants"])]
    decision: Annotated[Decision | None, Field(description="null: none yet about this revision.")]
    decided_at: Annotated[Timestamp | None, Field(description="When it was decided.")]
    decided_by: Annotated[str | None, Field(description="The name of the person who decided.", examples=["Ana"])]
    seen_at: Annotated[Timestamp | None, Field(description="When the reviewer last saw the post.")]
    # Links end; members leave.
    can_decide: Annotated[bool, Field(description="false: the link has ended, or the member has left.")]


class CommentOut(ResponseModel):
    """A comment."""

    id: Annotated[Id, Field(description="The comment's id.")]
    author_kind: Annotated[
        Literal["member", "link", "key"],
        Meanings({"member": "A member.", "link": "A person with a review link.", "key": "An API key."}),
        Field(description="Who wrote it."),
    ]
    author: Annotated[str, Field(description="The author's name.", examples=["Ana"])]
    text: Annotated[str, Field(description="Plain text. Escape it before you show it.", examples=["Looks good."])]
    at_second: Annotated[float | None, Field(description="The second of the clip that it is about.", examples=[14.0])]
    public: Annotated[
        bool, Field(validation_alias="is_public", description="Whether the people of review links see it.")
    ]
    revision: Annotated[int, Field(description="The revision that it is about.", examples=[1])]
    created_at: Annotated[Timestamp, Field(description="When it was written.")]


class ReviewSummary(ResponseModel):
    """A post's review without its reviewers and comments."""

    post_id: Annotated[Id, Field(description="The post.")]
    state: Annotated[ShownState, Field(description="The state of the review.", examples=["waiting"])]
    rule: Annotated[Rule, Field(description="Whose approval is necessary.", examples=["any"])]
    revision: Annotated[
        int, Field(description="Counts the changes of clips, accounts and words since it was sent.", examples=[1])
    ]
    message: Annotated[str, Field(description="The text for the reviewers.", examples=["The new cut is in."])]
    requested_by: Annotated[str, Field(description="Who sent it for review.", examples=["Editor"])]
    requested_at: Annotated[Timestamp, Field(description="When it was last sent for review.")]
    scheduled_at: Annotated[
        Timestamp | None, Field(description="The time of the post. null: as soon as it is approved.")
    ]
    needs_time: Annotated[
        bool,
        Field(description="It was approved after its time. Give it a new time with `PATCH`, or publish it now."),
    ]


class ReviewOut(ReviewSummary):
    """A post's review."""

    reviewers: Annotated[list[ReviewerOut], Field(description="Who is asked.")]
    comments: Annotated[list[CommentOut], Field(description="The comments, the oldest first.")]


class ReviewList(ResponseModel):
    """A page of reviews."""

    reviews: Annotated[list[ReviewSummary], Field(description="The newest posts first.")]
    pagination: Annotated[Pagination, Field(description="The position of this page.")]


class CreateReviewLink(Body):
    """A new review link."""

    name: Annotated[
        str,
        name_of_at_most(NAME_MAX),
        Field(
            min_length=1,
            max_length=NAME_MAX,
            description="Who gets it. Its page shows the name; with `client_id`, it shows the client's name.",
            examples=["Casa Verde Plants"],
        ),
    ]
    timezone: Annotated[
        str,
        Field(description="The IANA name of the time zone in which its page shows times.", examples=["Europe/Lisbon"]),
    ] = "UTC"
    client_id: Annotated[
        str | None,
        Field(
            description="The client whose people get it. It then shows posts of this client only. null: any posts.",
            json_schema_extra={"format": "uuid"},
            examples=["0198c7a4-d3a7-7e68-8f51-708192a3b4c5"],
        ),
    ] = None


class ReviewLinkOut(ResponseModel):
    """A review link, without its address."""

    id: Annotated[Id, Field(description="The link's id, for `review.links`.")]
    client_id: Annotated[Id | None, Field(description="The client whose people have it. null: none.")]
    name: Annotated[str, Field(description="Who has it.", examples=["Casa Verde Plants"])]
    timezone: Annotated[
        str, Field(validation_alias="zone", description="The time zone of its page.", examples=["Europe/Lisbon"])
    ]
    created_by: Annotated[str, Field(description="Who created it.", examples=["Editor"])]
    created_at: Annotated[Timestamp, Field(description="When it was created.")]
    expires_at: Annotated[Timestamp, Field(description="When it ends, unless another post is sent with it.")]
    opened_at: Annotated[Timestamp | None, Field(description="When it was last opened.")]


class ReviewLinkCreated(ReviewLinkOut):
    """A new review link with its address."""

    url: Annotated[
        str,
        Field(
            description="The address for the reviewers. Clipcast shows it once, and stores a digest only.",
            json_schema_extra={"format": "uri"},
            examples=["https://clipcast.example.org/r/3vQb0m"],
        ),
    ]


class ReviewLinkList(ResponseModel):
    """The review links that have not ended."""

    links: Annotated[list[ReviewLinkOut], Field(description="The newest first.")]
