"""Recorded frames and responses, played back as an exchange.

A capture is a source, like the simulated market.
"""
