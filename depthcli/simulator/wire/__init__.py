"""The simulated exchange's protocols: HTTP, WebSocket, REST paths, sessions and limits.

The data come from a source; faults decide what goes wrong.
"""
