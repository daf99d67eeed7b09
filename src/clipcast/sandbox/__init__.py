"""The sandbox: the platforms simulated, strictly, from their reference sheets.

Each platform is one module, written from the sheet's section 8 and not from our client: a request that the real
platform would refuse is refused here. docs/sandbox.md describes it for users who test their own integrations.
"""
