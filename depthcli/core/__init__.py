"""What is true: messages, markets, and the book that is the exchange's.

Everything here is pure. It knows no sockets, no asyncio and no clock: times are handed in. So the
same code runs live, in a replay, in a simulation and in a benchmark, and can be judged level by
level. It imports `errors` and nothing else of this package.
"""
