"""Documents as files to attach to a ticket: Markdown, and HTML that needs nothing else.

Everything in a document is taken for hostile, as in `cluster.display`.
"""

from __future__ import annotations

import html as escaping
import re

from cluster.display import Block, Code, Document, Grid, Title, code_lines, sentence, text_of, to_html
from cluster.text.plain import plain

_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~&!@])")
_LINK = re.compile(r"(?<=:)(?=//)|(?<=www)(?=\.)", re.IGNORECASE)
"""Where an address begins that GitHub makes a link of."""
_LIST = re.compile(r"^(\d{0,9})(?=[-+=.)])")
"""What makes a list or a title of a line."""
_STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { padding: 0.25rem 0.6rem; vertical-align: top; border-bottom: 1px solid #8886; }
pre { padding: 0.6rem; border: 1px solid #8886; border-radius: 4px; }
"""


def page(title: str, document: Document) -> str:
    """One HTML file: no script, no image, nothing from elsewhere; it follows the reader's colour scheme."""
    return shell(title, to_html(document))


def shell(title: str, body: str, style: str = "") -> str:
    """The HTML file around a body that is safe already; `style` is added to the style sheet of all pages."""
    name = escaping.escape(plain(title))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{name}</title><style>{_STYLE}{style}</style></head>\n<body>{body}</body></html>\n"
    )


def markdown(document: Document, level: int = 2) -> str:
    """The document as Markdown with tables, as GitHub reads it; `level` is that of its titles."""
    return "\n\n".join(_block(block, level) for block in document) + "\n"


def _block(block: Block, level: int) -> str:
    if isinstance(block, Title):
        return f"{'#' * level} {_escaped(block.text)}"
    if isinstance(block, Code):
        lines = code_lines(block)
        # a fence longer than any run of backticks inside it
        fence = "`" * max(3, 1 + max((len(run) for line in lines for run in re.findall("`+", line)), default=0))
        return "\n".join([fence, *lines, fence])
    if isinstance(block, Grid):
        rule = ["---:" if name in block.right else "---" for name in block.columns]
        rows = [[_escaped(text_of(cell)) for cell in row] for row in block.rows]
        return "\n".join("| " + " | ".join(row) + " |" for row in ([*map(_escaped, block.columns)], rule, *rows))
    return _LIST.sub(r"\1\\", _escaped(sentence(block).strip()))


def _escaped(text: str) -> str:
    return _LINK.sub(r"\\", _MARKUP.sub(r"\\\1", plain(text, 4000)))
