"""The server: recordings in over HTTP, what is heard in them out, for one's own machine and safe on it by default."""
