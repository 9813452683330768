"""Documents drawn as HTML and by Rich: the same content, and nothing in it that could act on a page or a terminal."""

from __future__ import annotations

import io
from html.parser import HTMLParser

import pytest
from rich.console import Console, RenderableType

from cluster.display import (
    Bar,
    Code,
    Displayable,
    Document,
    Grid,
    Line,
    Title,
    Tone,
    document,
    print_on,
    to_html,
    to_rich,
    to_text,
)

HOSTILE = '<script>alert(1)</script> [red]x[/red] \x1b]52;c;aGk=\x07 \u202egnp.exe & "quoted"'


class Page(HTMLParser):
    """Tags and text of a page."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def printed(shown: RenderableType, width: int = 200) -> str:
    console = Console(file=io.StringIO(), width=width, markup=True, force_terminal=False)
    console.print(shown)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def everywhere(text: str) -> Document:
    """The text in every place that a document has."""
    return (Title(text), Line(text), Line(text, Tone.WARNING), Grid.of((text, "n"), [(text, 1.5), (None, 2)]))


def test_hostile_text_is_shown_and_does_nothing() -> None:
    page = Page(to_html(everywhere(HOSTILE)))
    assert set(page.tags) <= {"div", "p", "b", "table", "thead", "tbody", "tr", "th", "td"}
    assert page.text.count("<script>alert(1)</script>") == 5
    terminal = printed(to_rich(everywhere(HOSTILE)))
    assert terminal.count("[red]x[/red]") == 5
    for drawing in (page.text, terminal):
        assert "\x1b" not in drawing
        assert "\u202e" not in drawing
        assert "\x07" not in drawing


@pytest.mark.parametrize("draw", [lambda d: Page(to_html(d)).text, lambda d: printed(to_rich(d))])
def test_both_faces_say_the_same(draw: object) -> None:
    grid = Grid.of(("who", "score", "sure", "none"), [("a", 12.345, True, None), ("b", 0.5, False, None)])
    text = draw((Title("The title"), Line("A claim."), Line("Beware.", Tone.WARNING), grid))  # type: ignore[operator]
    for said in ("The title", "A claim.", "▲ Beware.", "who", "12.3", "0.5", "yes", "no", "–"):
        assert said in text


@pytest.mark.parametrize("width", [20, 80])
def test_a_command_that_is_printed_can_be_copied(width: int) -> None:
    command = "curl --silent --get http://127.0.0.1:18090/api/v1/query \\\n  --data-urlencode 'query=rate(x[30s])' " * 2
    shown = (Title("What to do"), Line("A sentence that is wider than a narrow terminal."), Code(command.rstrip()))
    console = Console(file=io.StringIO(), width=width)
    print_on(console, shown)
    assert isinstance(console.file, io.StringIO)
    for text in (console.file.getvalue(), to_text(shown, width)):
        lines = text.splitlines()
        assert [line.removeprefix("    ").rstrip() for line in lines[-3:]] == [
            line.rstrip() for line in command.rstrip().split("\n")
        ]
        assert all(len(line) <= width for line in lines[:-3])


def test_columns_of_numbers_are_set_right_and_others_are_not() -> None:
    grid = Grid.of(
        ("text", "number", "some", "truth", "asked"), [("1", 1.0, None, True, "x"), ("2", 2, 3, False, "y")], "asked"
    )
    assert grid.right == {"number", "some", "asked"}


def test_bars_stay_within_their_cell() -> None:
    assert "width:100%" in to_html((Grid.of(("",), [(Bar(7.0),)]),))
    assert "width:0%" in to_html((Grid.of(("",), [(Bar(-1.0),)]),))


def test_what_inherits_has_both_faces() -> None:
    class Thing(Displayable):
        pass

    with pytest.raises(TypeError, match="no document is registered for Thing"):
        document(Thing())
    document.register(Thing)(lambda thing: (Line("here I am"),))
    assert "here I am" in Thing()._repr_html_()
    assert "here I am" in printed(Thing())
