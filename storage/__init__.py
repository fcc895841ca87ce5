"""Memory: SQLite stores. Imports agent.model alone."""
