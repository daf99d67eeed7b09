"""The body and the responses of the endpoints for archives of renders."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from clipcast.common.schemas import UUID, Body, Id, Meanings, Timestamp
from clipcast.renders.archives import RENDERS_MAX

ARCHIVE_URL = "https://clipcast.example/archives/eyJhcmNoaXZlIjoiMDE5OCJ9"


class StartBulkDownload(Body):
    """The renders to download as one archive."""

    render_ids: Annotated[
        list[Annotated[str, Field(json_schema_extra=UUID)]],
        Field(min_length=1, max_length=RENDERS_MAX, description="The renders. An id that stands twice counts once."),
    ]


class MissingRender(BaseModel):
    """A render that has no file to download."""

    render_id: Annotated[Id, Field(description="The render.")]
    code: Annotated[
        Annotated[
            Literal["render_deleted", "render_expired", "render_not_completed"],
            Meanings(
                {
                    "render_deleted": "The render was deleted.",
                    "render_expired": "Its file was deleted to save space.",
                    "render_not_completed": "It failed or was cancelled.",
                }
            ),
        ],
        Field(description="Why it has no file."),
    ]
    message: Annotated[str, Field(description="The same in a sentence.", examples=["The render was deleted."])]


class BulkDownloadOut(BaseModel):
    """Renders that are downloaded as one archive."""

    job_id: Annotated[Id, Field(description="The id, for GET /renders/bulk-download/{job_id}.")]
    status: Annotated[
        Annotated[
            Literal["processing", "completed", "failed"],
            Meanings(
                {
                    "processing": "Some renders are still being made.",
                    "completed": "The archive can be downloaded.",
                    "failed": "No render has a file.",
                }
            ),
        ],
        Field(description="The state of the download.", examples=["completed"]),
    ]
    progress: Annotated[int, Field(ge=0, le=100, description="The progress of the renders, in %.", examples=[100])]
    file_count: Annotated[int, Field(ge=0, description="The number of videos in the archive.", examples=[2])]
    size: Annotated[
        int | None, Field(description="The archive's bytes. null until it is completed.", examples=[48_000_720])
    ] = None
    download_url: Annotated[
        str | None,
        Field(
            description="A signed URL of the archive, for 6 hours, without an API key. null until it is completed.",
            examples=[ARCHIVE_URL],
        ),
    ] = None
    filename: Annotated[str, Field(description="The name to save it by.", examples=["clips-20261224.zip"])]
    missing: Annotated[
        list[MissingRender],
        Field(description="The renders without a file. `MISSING.txt` in the archive lists them.", examples=[[]]),
    ]
    expires_at: Annotated[Timestamp, Field(description="When this id stops working.")]
