"""Recorded frames and answers, played as an exchange.

It reads what others recorded and is a source like the simulated market.
"""
