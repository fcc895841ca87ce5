"""tallyhost: a Chromium-like browser agent for ad-measurement APIs. Start at agent/ARCHITECTURE.md."""
