"""Prometheus: the client, the queries, what is scraped."""
