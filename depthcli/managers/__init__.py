"""The library: depth cache managers, which keep the books of symbols up to date.

Here a stream meets its snapshots. What is true is decided in `core`; what is here waits, asks and
tells. It knows nothing of commands, files or the screen.
"""
