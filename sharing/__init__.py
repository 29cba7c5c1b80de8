"""Who: organizations, users, teams, roles, API tokens, grants and sharing links."""
