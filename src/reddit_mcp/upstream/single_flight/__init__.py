"""One upstream request for any number of identical calls, over all replicas."""
