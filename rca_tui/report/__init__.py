"""The report of an incident, a postmortem's first half, as one value and three files.

    incident, verdict, results ── build.build() ──▶ Report ── files.render() ──▶ Markdown · HTML with charts · JSON

It needs no screen and no command line: the app, `rca-tui report` and `rca-tui annotate` call the same two functions.
"""
