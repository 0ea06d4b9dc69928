"""Faults of the simulated exchange, seeded: plans, random draws, and damaged frames.

This package decides which fault happens when. It knows neither the market nor the wire protocol.
"""
