"""RULES of Protected Audience: interest groups, the auction, and what its scripts contribute."""
