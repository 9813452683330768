"""4 Diagnose: the verdict on top; below it the methods, the component that each of them blames, and its explanation."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Static

from cluster.text.plain import plain
from cluster.text.times import between, clock_time, span
from methods import catalog
from rca_tui.draw.evidence import as_text
from rca_tui.draw.rankings import CONSENSUS, consensus_row, consensus_sentences, method_row, ranking_text
from rca_tui.screens.page import DIAGNOSE, LOGS, Page
from rca_tui.session import Diagnosis, Mark, Session
from rca_tui.widgets.card import Card, Command
from rca_tui.widgets.explanation import ExplanationView
from rca_tui.widgets.fitted import Fitted
from rca_tui.widgets.rows import Rows

if TYPE_CHECKING:
    from methods.answer.consensus import Consensus
    from methods.answer.types import ComponentScore
    from methods.running.runner import Result

LEFT, LEFT_WIDE = 23, 33
"""Width of the list of methods in cells, in a terminal of less than 80 cells and in a wider one."""
BESIDE, ROOMY = 140, 44
"""Cells from which an explanation stands beside its ranking, and lines from which there is room for more of both."""
READY = "R runs the methods"
TALL, TALLEST = 9, 14
"""Lines of a ranking above its explanation."""


class DiagnosePage(Page):
    KEY = "4"
    MODE = DIAGNOSE
    HELP = (
        "The card has the verdict: who is at fault or nobody, how sure, what speaks for and against it, what to do. "
        "v selects the card, tab its commands and then the methods. A recording is diagnosed when it is opened, a live "
        "deployment by the quick methods when its SLI turns bad; R runs all methods, live on the window that Telemetry "
        "shows, in a drill on all that has arrived since it began. Enter opens a method's explanation. ≠ marks a "
        "method that blames another component than the consensus, the mean of all rankings (Borda count); dummy "
        "guesses, and does not count. The contrast is not a method: it is the SHAP values of a model that separates "
        "the fault window from the baseline. Each ranking shows its agreement with it: 1 is the same order "
        "(rank-biased overlap)."
    )
    FOLLOWS = (Session.displayed, Session.mark, Session.diagnosis, Session.method)
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("R", "app.diagnose", "Run", id="diagnose.run", tooltip="Run all methods"),
        Binding("escape", "app.cancel_diagnosis", "Cancel", id="diagnose.cancel", tooltip="Stop the running methods"),
        Binding("v", "card", "Verdict", id="diagnose.card", tooltip="Select the card of the verdict"),
        LOGS,
        Binding("n", "method(1)", "Method", id="diagnose.next", tooltip="Next method", key_display="n p"),
        Binding("p", "method(-1)", "Previous method", id="diagnose.previous", show=False),
        Binding("left", "step(-1)", "Step", id="diagnose.step_back", key_display="←→"),
        Binding("right", "step(1)", "Next step", id="diagnose.step", show=False),
    ]

    def body(self) -> ComposeResult:
        yield Card(id="card")
        with Horizontal(id="below"):
            with Vertical(id="methods-pane"):
                yield Static(id="onset")
                yield Rows("methods", header=False, coloured=True)
            with Horizontal(id="method"):
                yield Fitted(id="ranking")
                yield ExplanationView("why", roomy=ROOMY)

    def on_mount(self) -> None:
        self._step = 0
        self._asked = False
        self.query_one(Card).focus()

    # -- what is shown ------------------------------------------------------------------------------------------

    def refill(self) -> None:
        diagnosis = self.session.diagnosis
        session, game = self.session, self.session.game
        playing = game is not None and game.sealed  # who plays a drill asks by R
        if diagnosis is None and session.latest is not None and not (session.replayed or playing or self._asked):
            # A recording is diagnosed by the app, once its onset has been searched for.
            self._asked = True
            self.app.call_later(self.app.run_action, "app.diagnose_quickly")
        self._show_onset(diagnosis)
        self._show_card(diagnosis)
        left = LEFT_WIDE if self.size.width >= 80 else LEFT
        self.query_one("#methods-pane").styles.width = left + 2
        methods = [entry.name for entry in catalog.listed()]
        # The contrast runs last but is listed first.
        order = [*methods, catalog.CONTRAST.name]
        colour = dict(self.app.theme_variables)
        listed = methods if diagnosis is None else [catalog.CONTRAST.name, *methods]
        rows = [(name, [method_row(name, order, diagnosis, colour, left)]) for name in listed]
        if diagnosis is not None and diagnosis.consensus is not None and diagnosis.consensus.voters:
            rows.insert(0, (CONSENSUS, [consensus_row(diagnosis.consensus, colour, left)]))
        table = self.query_one(Rows)
        table.fill([("", left)], rows, self.session.method or None)
        self.session.method = table.key or ""
        self._show_method()

    def _show_card(self, diagnosis: Diagnosis | None) -> None:
        card, verdict = self.query_one(Card), self.session.verdict
        if diagnosis is not None and verdict is not None:
            mark = self.session.mark
            moved = mark is not None and mark.by_operator and mark != diagnosis.mark
            card.show(diagnosis, verdict, "The onset was set after this was decided: R decides anew." if moved else "")
        elif diagnosis is not None:
            card.show_text("Deciding …" if diagnosis.running else "There is no verdict. R runs all methods.")
        else:
            waits = self.session.unhelped and self.session.latest is not None
            card.show_text(plain(self.session.problem) or (self._will_read() if waits else "Reading the telemetry …"))

    def _show_onset(self, diagnosis: Diagnosis | None) -> None:
        mark = diagnosis.mark if diagnosis else self.session.mark
        text = Text(no_wrap=True, overflow="ellipsis")
        if mark:
            label = mark.label if self.size.width >= 80 else "onset"
            text.append(f"{label} ", style="dim").append(clock_time(mark.time), style="bold")
        else:
            text.append("no onset yet" if diagnosis is None else "no onset found", style="dim")
        if diagnosis is not None:
            done = f"\n{diagnosis.answered} of {len(diagnosis.methods)} answered"
            text.append(done + (" …" if diagnosis.running else ""), style="dim")
            text.append(f" {plain(diagnosis.note)}", style="dim")
            if self.session.drill_since is not None:
                window = diagnosis.incident.window
                text.append(f"\nread {between(window.start, window.end)}", style="dim")
        else:
            text.append(f"\n{self._waiting}", style="dim")
        self.query_one("#onset", Static).update(text)

    def _will_read(self) -> str:
        """What R reads, a sentence."""
        if (since := self.session.drill_since) is None:
            return "R runs the methods on the window that Telemetry shows."
        return f"R runs the methods on all that has arrived since the drill began, at {clock_time(since)}."

    @property
    def _waiting(self) -> str:
        """Before a diagnosis: what the app does now, or what the operator can do. A recording the app has diagnosed."""
        if self.session.latest is None:
            return ""
        searching = self.session.replayed and not self.session.onset_searched
        return "searching for it …" if searching else READY

    def _show_method(self) -> None:
        diagnosis, method = self.session.diagnosis, self.query_one(Rows).key or ""
        why, ranking = self.query_one("#why", ExplanationView), self.query_one("#ranking", Fitted)
        if diagnosis is not None and diagnosis.consensus is not None and method == CONSENSUS:
            self._show_consensus(diagnosis.consensus, diagnosis.mark)
            return
        result = diagnosis.results.get(method) if diagnosis else None
        head = Text(plain(method), style="bold")
        if diagnosis is None or result is None:
            about = plain(catalog.entry(method).summary) if method else ""
            self._make_room(1)
            ranking.show(lambda *_: head)
            ready = diagnosis is None and self._waiting == READY
            why.show_text(about, *((f"{READY}.",) if ready else ()))
            return
        from methods.answer.types import Ranking

        if isinstance(result.outcome, Ranking):
            self._show_ranking(method, self._note(diagnosis, result), result.outcome.components)
            steps = result.outcome.explanation.steps
            self._step = min(self._step, max(0, len(steps) - 1))
            if steps:
                why.show_step(diagnosis, result.outcome.explanation, self._step)
            else:
                why.show_text("This method gave no explanation.")
        else:
            reason = result.outcome.reason.value.replace("_", " ")
            head.append(f"  no ranking: {reason}", style=f"not bold {self.app.theme_variables['warning']}")
            self._make_room(1)
            ranking.show(lambda *_: head)
            why.show_text(result.outcome.detail)

    def _show_ranking(self, head: str, note: str, components: tuple[ComponentScore, ...]) -> None:
        colour, roomy = dict(self.app.theme_variables), self.size.height >= ROOMY
        signals = components[0].signals if components and roomy else ()
        lines = 1 + len(components) + (2 + len(signals) if signals else 0)
        self._make_room(min(TALLEST if roomy else TALL, lines))
        self.query_one("#ranking", Fitted).show(
            lambda width, height: ranking_text(head, note, components, width, height, colour)
        )

    def _make_room(self, lines: int) -> None:
        """Let the ranking have so many lines and its explanation, below it, the others."""
        beside = self.size.width >= BESIDE
        self.query_one("#ranking").styles.height = "1fr" if beside else lines + 1

    def _note(self, diagnosis: Diagnosis, result: Result) -> str:
        """Run time, and agreement of the ranking with the contrast."""
        from methods.answer.overlap import agreement

        took = f"ranked in {span(result.seconds)}"
        contrast = diagnosis.results.get(catalog.CONTRAST.name)
        if contrast is None or contrast is result:
            return took
        overlap = agreement(result.outcome, contrast.outcome, diagnosis.incident.candidates)
        return took if overlap is None else f"{took}, contrast {overlap:.2f}"

    def _show_consensus(self, consensus: Consensus, mark: Mark | None) -> None:
        from rca_tui.draw.charts import changed_most

        note = f"of {len(consensus.voters)} methods"
        self._show_ranking(CONSENSUS, note, consensus.components)
        snapshot, first = self.session.displayed, next(iter(consensus.top), "")
        plot = changed_most(self.session, snapshot, first, mark) if snapshot is not None else None
        self.query_one("#why", ExplanationView).show_text(*consensus_sentences(consensus, mark), plot=plot)

    # -- keys ---------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return action != "card" or self.session.verdict is not None

    def action_card(self) -> None:
        self.query_one(Card).focus()

    def on_data_table_row_highlighted(self, event: Rows.RowHighlighted) -> None:
        self._choose(event.row_key.value or "")

    def _choose(self, method: str) -> None:
        if method and method != self.session.method:
            self._step = 0
            self.session.method = method

    def on_data_table_row_selected(self) -> None:
        self.show_screen("explain")

    def action_method(self, by: int) -> None:
        table = self.query_one(Rows)
        if table.row_count:
            table.move_cursor(row=(table.cursor_row + by) % table.row_count)
            self._choose(table.key or "")  # before the focus moves the panes: they are drawn once
        table.focus()

    def action_step(self, by: int) -> None:
        self._step = max(0, self._step + by)
        self._show_method()

    @property
    def chosen(self) -> str:
        """The component that the verdict names, with the focus on its card; else the first of the selected ranking."""
        from methods.answer.types import Ranking

        diagnosis, verdict = self.session.diagnosis, self.session.verdict
        if diagnosis is None:
            return ""
        if isinstance(self.focused, Card | Command):
            return next(iter(verdict.named), "") if verdict is not None else ""
        if self.session.method == CONSENSUS and diagnosis.consensus is not None:
            return next(iter(diagnosis.consensus.top), "")
        result = diagnosis.results.get(self.session.method)
        ranked = result.outcome.components if result is not None and isinstance(result.outcome, Ranking) else ()
        return ranked[0].component if ranked else ""

    @property
    def copies_command(self) -> bool:
        return isinstance(self.focused, Command)

    def copied(self) -> str:
        from methods.answer.types import Ranking

        diagnosis = self.session.diagnosis
        if diagnosis is None:
            return ""
        if isinstance(self.focused, Card | Command):
            return self.query_one(Card).copied(self.session.verdict)
        if self.session.method == CONSENSUS and diagnosis.consensus is not None:
            lines = [
                CONSENSUS,
                *(plain(sentence, 2000) for sentence in consensus_sentences(diagnosis.consensus, diagnosis.mark)),
            ]
            return "\n".join([*_rows(diagnosis.consensus.components), *lines])
        result = diagnosis.results.get(self.session.method)
        if result is None or not isinstance(result.outcome, Ranking):
            return ""
        return "\n".join([*_rows(result.outcome.components), as_text(result.method, result.outcome.explanation)])


def _rows(components: tuple[ComponentScore, ...]) -> list[str]:
    return ["rank\tcomponent\tscore", *(f"{c.rank}\t{plain(c.component)}\t{c.score:.6g}" for c in components)]
