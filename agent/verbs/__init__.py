"""Verbs: what a page or a user does, each gathered, decided and applied within one transaction."""
