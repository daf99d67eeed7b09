"""The sandbox: strict simulations of the platforms.

Each platform has a package, written from section 8 of docs/platforms/NAME.md and not from Clipcast's client. A
simulator rejects each request that the real platform rejects. docs/sandbox.md describes the sandbox for its users.
"""
