"""Measurements side by side with peers; never part of the test run.

`python -m benchmarks` runs all of it and writes `RESULTS.md` and the plots beside this file. Peers
come with the extra `bench`; those that aren't installed are skipped. The machine is taken to be
noisy: contenders take turns in one process, medians count, and what is promised are ratios.
"""
