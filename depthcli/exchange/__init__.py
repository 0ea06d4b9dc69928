"""Communication with the exchange: REST requests, WebSocket connections, proxies and TLS.

It sends requests and reads streams, within the exchange's limits and through the user's proxies. It
doesn't know what a book is: it passes what it reads to its callers and listeners.
"""
