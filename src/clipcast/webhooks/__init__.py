"""Webhooks: events of a workspace, delivered to addresses that its callers choose."""
