"""Numbers in queries, forms and headers: digits alone, as every other language reads them."""

import re
from typing import Any

from pydantic import BeforeValidator
from pydantic_core import PydanticKnownError

WHOLE = re.compile(r"-?[0-9]+")
NUMBER = re.compile(r"-?[0-9]+([.][0-9]+)?")


def _whole(value: Any) -> Any:
    """Refuse what Python alone takes as a whole number, such as 1_0."""
    if isinstance(value, str) and not WHOLE.fullmatch(value):
        raise PydanticKnownError("int_parsing")
    return value


def _number(value: Any) -> Any:
    if isinstance(value, str) and not NUMBER.fullmatch(value):
        raise PydanticKnownError("float_parsing")
    return value


# In `Annotated[Annotated[int, Field(ge=1)], PLAIN_WHOLE, Query()]`: the bounds are those of the number, so that the
# document shows them.
PLAIN_WHOLE, PLAIN_NUMBER = BeforeValidator(_whole), BeforeValidator(_number)
