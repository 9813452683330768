"""Peers as control groups: what one component did beyond its peers, and who is at fault."""
