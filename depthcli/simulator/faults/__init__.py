"""What goes wrong on the simulated exchange, seeded: plans, dice, and damaged frames.

It decides when something happens. It knows neither the market nor the wire.
"""
