"""`make bench`: how fast, how it grows, and how it compares with the public code. Each part runs alone, too."""
