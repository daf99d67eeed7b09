"""The e-mail with which a member sends a review link to the people who get it."""

from markupsafe import Markup

from clipcast.common.ids import new_id
from clipcast.notices.digest import NAME_MAX, SENDER, SUBJECT_MAX, Message, one_line

INTRODUCTION = "{} of {} asks you to look at posts before they are published: approve them, or ask for changes."
ABOUT = "Open the page of the posts. You need no account."
ENDS = (
    "The link works for {} after the last post that was sent with it. Everybody who has the link can approve the posts."
)
WHY = "You get this e-mail once, because {} gave your address to Clipcast."

PAGE = Markup("""\
<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{}</title></head>
<body style="font-family: sans-serif; line-height: 1.5; overflow-wrap: anywhere">
<p>{}</p>
<p><a href="{}">{}</a></p>
<p>{}</p>
<hr>
<p><small>{}</small></p>
</body></html>
""")


def review_mail(url: str, lifetime: str, workspace: str, by: str) -> Message:
    """Return the message with the address of a review link. `lifetime` is a number of days in words."""
    workspace, by = one_line(workspace, NAME_MAX), one_line(by, NAME_MAX)
    subject = SENDER + one_line(f"posts of {workspace} to review", SUBJECT_MAX)
    introduction, ends, why = INTRODUCTION.format(by, workspace), ENDS.format(lifetime), WHY.format(by)
    text = "\n\n".join([introduction, f"{ABOUT}\n{url}", ends, f"-- \n{why}\n"])
    return Message(new_id(), subject, text, PAGE.format(subject, introduction, url, ABOUT, ends, why), chat="")
