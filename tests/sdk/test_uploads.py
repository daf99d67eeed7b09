"""An upload ends also where the server does not speak its protocol, or asks for more patience than there is."""

import pytest

from clipcast.sdk import RateLimited, UnexpectedResponse
from clipcast.sdk.sources import open_source
from clipcast.sdk.transport import Effect, Response, Retries, SendPiece
from clipcast.sdk.uploads import send

SIZE = 10


def ended(*answers: Response, resumes: bool = False) -> list[Effect]:
    """Send a file to a server that answers so, at last always the same. Return what was done."""
    flow = send(open_source(b"x" * SIZE), "https://files.example", Retries(3), piece_bytes=4, resumes=resumes)
    done, left, effect = [], list(answers), next(flow)
    try:
        while len(done) < 50:
            done.append(effect)
            answer = (left.pop(0) if len(left) > 1 else left[0]) if isinstance(effect, SendPiece) else None
            effect = flow.send(answer)
    except StopIteration:
        return done
    raise AssertionError("the upload never ends")


def arrived(offset: object, status: int = 204) -> Response:
    return Response(status, {"upload-offset": str(offset)})


def test_pieces_are_sent_until_all_have_arrived() -> None:
    assert len(ended(arrived(4), arrived(8), arrived(SIZE))) == 3
    assert len(ended(arrived(8, 200), arrived(SIZE), resumes=True)) == 2


@pytest.mark.parametrize("answer", [arrived(0), arrived(-1), arrived(SIZE + 1), arrived("x"), Response(204)], ids=repr)
def test_answer_that_is_none_to_an_upload_is_an_error(answer: Response) -> None:
    with pytest.raises(UnexpectedResponse, match="is none to an upload"):
        ended(answer)


@pytest.mark.parametrize("answer", [arrived("", 200), arrived(SIZE + 1, 200), Response(200)], ids=repr)
def test_offset_that_no_server_has_is_an_error(answer: Response) -> None:
    with pytest.raises(UnexpectedResponse, match="is none to an upload"):
        ended(answer, resumes=True)


def test_long_retry_after_is_left_to_the_caller() -> None:
    with pytest.raises(RateLimited) as raised:
        ended(Response(429, {"retry-after": "86400"}))
    assert raised.value.retry_after == 86400
