"""The Model Context Protocol for agents: tools made from the API's operations. Imports nothing of the server."""
