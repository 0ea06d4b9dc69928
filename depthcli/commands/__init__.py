"""The command line: one module a command, and what they share.

Commands parse, wire and print, and decide nothing. What a command needs is imported inside it, so
that `--help` stays quick. Nothing imports this wing.
"""
