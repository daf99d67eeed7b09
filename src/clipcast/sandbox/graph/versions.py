"""The versions of the Graph API that the simulator serves."""

from starlette.convertors import Convertor, register_url_convertor

LATEST = 27


class GraphVersion(Convertor[str]):
    """Any version up to the latest. Graph serves an expired version as the oldest one that is available."""

    regex = rf"v(?:{'|'.join(str(number) for number in range(1, LATEST + 1))})\.0"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("graph_version", GraphVersion())

# The start of each path.
VERSION = "/{version:graph_version}"
