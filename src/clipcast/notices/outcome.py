"""The two ways in which a message fails."""


class Refused(Exception):
    """The server will never accept this message. The text is a sentence for people, without secrets."""


class Delayed(Exception):
    """The server may accept this message later. The text is a sentence for people, without secrets."""
