"""The HTTP server: aiohttp's, under our limits."""
