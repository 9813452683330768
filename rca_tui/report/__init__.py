"""The report of an incident, a postmortem's first half, as one value and three files.

    incident, verdict, results, checks ── build() ──▶ Report ──▶ Markdown · HTML with charts · JSON
"""
