"""What Meta's simulated platforms share: sign-ins with tokens that renew themselves, and containers."""
