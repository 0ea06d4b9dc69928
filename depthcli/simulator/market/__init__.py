"""The simulated market: instruments, order flow, and the resulting books and events.

It knows nothing about HTTP, WebSockets or faults.
"""
