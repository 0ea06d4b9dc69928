"""Talking to the exchange: REST requests, WebSocket connections, and what lies between.

It knows how to ask and how to listen, within the exchange's limits and through the user's proxies.
It doesn't know what a book is: what it reads, it hands to whoever listens.
"""
