"""The inbound side: HTTP routes and protocols down to the tools, errors back up with one face."""
