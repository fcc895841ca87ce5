"""Tests of the rules of Protected Audience."""
