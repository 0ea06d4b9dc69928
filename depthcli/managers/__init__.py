"""The library: depth cache managers, which keep the books of symbols up to date.

They combine streams and snapshots. All decisions about a book are made in `core`; this package
waits, sends requests and notifies. It doesn't know commands, files or the screen.
"""
