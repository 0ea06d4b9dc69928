"""The protocol and the order book: messages, markets, and what keeps a book in sync.

Everything here is pure: no sockets, no asyncio, no clock. Times are passed in. The same code
therefore runs live, in a replay, in a simulation and in a benchmark, and tests can check it level
by level. It imports `errors` and nothing else from this package.
"""
