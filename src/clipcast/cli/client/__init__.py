"""The commands for people who post. They call the API of any installation and import no part of the server."""
