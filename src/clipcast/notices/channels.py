"""The ways in which a member is told, in the order of the page of choices."""

APP, EMAIL, PUSH, CHAT = "app", "email", "push", "chat"
CHANNELS = (APP, EMAIL, PUSH, CHAT)
# The channels of which a person gets messages, not only rows on a page.
SENT = (EMAIL, PUSH, CHAT)
