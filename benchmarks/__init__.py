"""Benchmarks: ``python -m benchmarks [names] [--rounds N] [--out FILE]`` prints one JSON document.

Times on a shared machine drift by more than what is looked for. So nothing is timed alone: every round measures all
subjects in a new random order, a second identical bare browser tells how much of a difference is noise, and medians
and quartiles of at least 30 rounds are given, never a best case.
"""
