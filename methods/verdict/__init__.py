"""The tool's own answer: who is at fault, how sure, why and why not, and what to do about it."""
