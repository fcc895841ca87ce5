"""RULES of Shared Storage: writes, the header that writes, selectURL's budgets, trusted origins."""
