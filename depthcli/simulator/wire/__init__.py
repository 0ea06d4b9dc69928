"""The simulated exchange's surface: HTTP, WebSocket, REST paths, sessions and limits.

It knows how to answer; what is true it asks of a source, and what goes wrong of the faults.
"""
