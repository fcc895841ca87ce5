"""The local aggregation service: open, check, sum, add noise."""
