"""A report as one HTML file: charts inside, no script, nothing from elsewhere, light and dark, to be printed."""

from __future__ import annotations

from html import escape

from cluster import pages
from cluster.display import to_html
from cluster.text.plain import plain
from rca_tui.report.sections import Section, sections, title
from rca_tui.report.svg import svg
from rca_tui.report.types import Chart, Report

_STYLE = """
:root { --ink: #1d2530; --ground: #fafaf7; --line: #0072b2; --peer: #9aa7b3; --onset: #a85f00; --shade: #e69f0026;
  --rule: #8886; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #d8dee6; --ground: #11151a; --line: #56b4e9; --peer: #5d6c7b; --onset: #e69f00; --shade: #e69f0022; }
}
body { color: var(--ink); background: var(--ground); overflow-wrap: anywhere; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 1rem; }
h2 { font-size: 1.2rem; margin: 2.2rem 0 0.6rem; padding-top: 0.8rem; border-top: 1px solid var(--rule); }
#summary > h2 { display: none; }
#summary > .rca > p:first-child { font-size: 1.15rem; font-weight: 600; }
p { margin: 0.5rem 0; max-width: 48rem; }
table { display: block; width: fit-content; max-width: 100%; overflow-x: auto; font-size: 0.92rem; }
td, th { overflow-wrap: normal; }
td { min-width: 4rem; max-width: 34rem; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 25rem), 1fr)); gap: 1.2rem; }
figure { margin: 0; min-width: 0; max-width: 34rem; }
figcaption { font-size: 0.88rem; }
svg { display: block; width: 100%; height: auto; }
svg text { font: 11px system-ui, sans-serif; fill: currentColor; }
.peer, .subject { fill: none; stroke-linejoin: round; stroke-linecap: round; }
.peer { stroke: var(--peer); stroke-width: 1; }
.subject { stroke: var(--line); stroke-width: 1.7; }
.axis { stroke: var(--rule); stroke-width: 1; }
.onset { stroke: var(--onset); stroke-width: 1.2; stroke-dasharray: 4 2; }
svg text.mark { fill: var(--onset); }
.shade { fill: var(--shade); }
.key { opacity: 0.75; }
@media print {
  :root { color-scheme: light; --ink: #000; --ground: #fff; --line: #0072b2; --peer: #9aa7b3; --onset: #a85f00; }
  body { max-width: none; margin: 0; padding: 0; font-size: 10pt; }
  h2 { break-after: avoid; }
  figure, tr { break-inside: avoid; }
  table { display: table; width: auto; }
  pre { white-space: pre-wrap; }
  .shade { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
"""


def html(report: Report) -> str:
    """The whole report."""
    name = title(report)
    body = "".join(map(_section, sections(report)))
    return pages.shell(name, f"<main><h1>{escape(plain(name))}</h1>{body}</main>", _STYLE)


def _section(section: Section) -> str:
    place = section.title.lower().replace(" ", "-")
    charts = "".join(map(_figure, section.charts))
    drawn = f'<div class="charts">{charts}</div>' if charts else ""
    heading = f"<h2>{escape(section.title)}</h2>"
    return f'<section id="{place}">{heading}{to_html(section.blocks)}{drawn}</section>'


def _figure(chart: Chart) -> str:
    unit = {None: "", "1": "", "1/s": "per second"}.get(chart.plot.unit, chart.plot.unit or "")
    name = escape(plain(chart.plot.title)) + (f" [{escape(plain(unit))}]" if unit else "")
    peers = len(chart.plot.lines) - 1
    beside = f' <span class="key">Thin lines: {peers} of its peers.</span>' if peers else ""
    said = f"{escape(plain(chart.caption, 1000))}{beside}"
    return f"<figure><figcaption><b>{name}</b></figcaption>{svg(chart.plot)}<figcaption>{said}</figcaption></figure>"
