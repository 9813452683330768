"""What runs in worker threads: polling, injection, diagnosis, and the messages that they post."""
