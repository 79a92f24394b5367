"""Rollcall: contact groups as a stream. The entry point of the command line, and later the client."""

__version__ = "0.1.0"
