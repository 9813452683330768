"""A read-only Model Context Protocol server: the tool's answers for the agents that people already run."""
