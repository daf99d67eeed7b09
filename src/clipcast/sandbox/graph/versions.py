"""The versions of the Graph API that are served."""

from starlette.convertors import Convertor, register_url_convertor

LATEST = 27


class GraphVersion(Convertor[str]):
    """Any version up to the latest: an expired one is served as the next living one."""

    regex = rf"v(?:{'|'.join(str(number) for number in range(1, LATEST + 1))})\.0"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("graph_version", GraphVersion())

# How a path begins.
VERSION = "/{version:graph_version}"
