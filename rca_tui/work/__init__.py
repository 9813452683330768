"""Work in threads: polling, injection, diagnosis, checks, and the messages that they post."""
