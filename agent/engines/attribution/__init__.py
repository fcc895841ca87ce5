"""Attribution: one engine, two dialects (spec: W3C Attribution Level 1 and its 2024 ancestor)."""
