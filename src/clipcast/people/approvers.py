"""Who may approve posts: members of a role above viewer who see all clients of a post, and open review links.

The conditions are SQL, for the statements that ask: they join `memberships` or `review_links`, and have a `:now`.
"""

IS_OPEN = "(review_links.revoked_at IS NULL AND review_links.expires_at > :now)"


def may_approve(client_ids: str) -> str:
    """Return the condition that a member may approve posts of these clients: an SQL array of their ids.

    A null in it stands for accounts without a client. No array contains it, so only who sees everything may approve.
    """
    return (
        f"(memberships.role <> 'viewer' AND (memberships.client_ids IS NULL OR memberships.client_ids @> {client_ids}))"
    )
