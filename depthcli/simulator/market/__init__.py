"""The simulated market: instruments, order flow, and the books and events that follow.

It says what is true on this exchange. It knows nothing of HTTP, WebSockets or faults.
"""
