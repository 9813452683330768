"""How sources spell the canonical signals: one table a source."""
