"""3 Faults: the catalogue, the plan of an injection, and injecting after a typed confirmation."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Grid, Horizontal, Vertical, VerticalScroll
from textual.widgets import Input, Label, Select, Static

from cluster.text.plain import plain
from cluster.text.times import span
from faults.states import State
from rca_tui.draw.charts import watching_plots
from rca_tui.draw.text import COMMAND, fit
from rca_tui.errors import Problem
from rca_tui.glyphs import BAD, GOOD, UNKNOWN, WARN
from rca_tui.screens.dialogs import Confirm
from rca_tui.screens.page import Page
from rca_tui.session import Injection, Offer, Rehearsal, Request, Session
from rca_tui.widgets.chart import Chart
from rca_tui.widgets.rows import Rows
from rca_tui.work import messages

SECONDS = "60"
"""Default duration of a fault."""
WATCHED = 2
"""Charts below the form."""
ROOMY = 38
"""Lines of a terminal from which there is room for them."""


class FaultsPage(Page):
    KEY = "3"
    MODE = "faults"
    FOLLOWS = (Session.displayed,)
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "d",
            "dry_run",
            "Dry run",
            id="faults.dry_run",
            tooltip="Preflight and exact actions; changes nothing",
        ),
        Binding("I", "inject", "Inject", id="faults.inject", tooltip="Inject after a typed confirmation"),
        Binding("escape", "list", "List", id="faults.list", show=False),
    ]

    @property
    def help_text(self) -> str:
        text = "The catalogue of faults: which are available on this deployment, and why the others are not. Tab moves "
        text += (
            "to target and parameters. d runs the preflight checks and shows the exact actions and how to undo them."
        )
        return text if not self._may_inject else text + " I injects, after the target's name has been typed."

    def body(self) -> ComposeResult:
        with Horizontal():
            yield Rows("catalogue", header=False)
            with Vertical():
                with VerticalScroll(id="fault-pane"):
                    yield Static(id="running")
                    yield Static(id="about")
                    with VerticalScroll(id="form"):
                        yield from ()
                    yield Static(id="plan")
                with Grid(id="watched"):
                    for i in range(WATCHED):
                        yield Chart(id=f"watched-{i}")

    def on_mount(self) -> None:
        self._offers: tuple[Offer, ...] = ()
        self._form_of: str = ""
        self._built: str = ""
        self._deployment: str | None = None
        self.query_one(Rows).focus()

    # -- what is shown ------------------------------------------------------------------------------------------

    def refill(self) -> None:
        snapshot, problem = self.session.displayed, self.session.problem
        # Without a deployment the catalogue is shown, too, with the reason why nothing of it can be injected.
        name = snapshot.name if snapshot is not None else "" if problem else None
        if name is not None and name != self._deployment:
            self._deployment = name
            self._ask_offers()
        self._show_running(self.session.injection)
        self._show_watched()
        self._list_offers()
        if not self._offers:
            waiting = "Connecting …" if name is None else "Reading the catalogue …"
            self.query_one("#about", Static).update(Text(waiting, style="dim"))

    def _ask_offers(self) -> None:
        self.work(lambda: self.post_message(messages.Offered(self.injector.offers())), "catalogue")

    def on_offered(self, message: messages.Offered) -> None:
        self._offers = message.offers
        self._list_offers()
        self._show_offer()
        self.update_keys()

    def _list_offers(self) -> None:
        colour = self.app.theme_variables
        rows = []
        for offer in self._offers:
            glyph, tint = (GOOD, colour["success"]) if offer.available else (UNKNOWN, colour["secondary"])
            name = Text.assemble((f"{glyph} ", tint), (fit(offer.name, 18), "" if offer.available else "dim"))
            rows.append((offer.name, [name]))
        self.query_one(Rows).fill([("", 20)], rows)
        if (chosen := self.offer) is not None:
            self._describe(chosen)

    @property
    def offer(self) -> Offer | None:
        key = self.query_one(Rows).key
        return next((offer for offer in self._offers if offer.name == key), None)

    def on_data_table_row_highlighted(self) -> None:
        self._show_offer()
        self.update_keys()

    def _show_offer(self) -> None:
        offer = self.offer
        if offer is None or offer.name == self._form_of:
            return
        self._form_of = offer.name
        self._describe(offer)
        self._show_plan(Text())
        self._show_watched()
        self.run_worker(self._build_form(offer), exclusive=True, group="form")

    def _describe(self, offer: Offer) -> None:
        colour = self.app.theme_variables
        text = Text.assemble((plain(offer.name), "bold"), "\n", plain(offer.summary, 1000), "\n")
        if not offer.available:
            text.append(f"{UNKNOWN} not available: {plain(offer.reason, 1000)}\n", style=colour["warning"])
        elif not self.session.armed:
            text.append(f"{UNKNOWN} read-only: start with --armed to inject\n", style=colour["secondary"])
        if offer.needs:
            text.append("needs    ", style="dim").append(plain(", ".join(offer.needs))).append("\n")
        for i, effect in enumerate(offer.expects):
            text.append("expects  " if i == 0 else "         ", style="dim").append(plain(effect)).append("\n")
        self.query_one("#about", Static).update(text)

    async def _build_form(self, offer: Offer) -> None:
        form = self.query_one("#form")
        self._built = ""
        await form.remove_children()
        form.display = offer.available and bool(offer.targets)
        if not form.display:
            return
        lines = [Horizontal(Label("target", classes="knob"), _choice(offer.targets), classes="line")]
        knobs = [(k.name, k.default, k.bounds, plain(k.about)) for k in offer.knobs]
        for name, default, bounds, about in [*knobs, ("seconds", SECONDS, "1 to 600", "then undone")]:
            field = Input(default, id=f"knob-{name}", compact=True, classes="value")
            note = " · ".join(part for part in (bounds, about) if part)
            lines.append(
                Horizontal(
                    Label(Text(plain(name)), classes="knob"), field, Label(Text(note), classes="note"), classes="line"
                )
            )
        await form.mount_all(lines)
        self._built = offer.name

    def _show_watched(self) -> None:
        """The target's signals that should move, and what users see: before a fault, and while it is active."""
        snapshot, offer, injection = self.session.displayed, self.offer, self.session.injection
        chosen = self.query("#form Select").results(Select)
        target = next((str(choice.value) for choice in chosen if not choice.is_blank()), "")
        if injection is not None and injection.open:
            target = injection.target
        elif not target and offer is not None and offer.targets:
            target = offer.targets[0]
        plots = []
        if snapshot is not None and offer is not None and target in snapshot.topology:
            plots = watching_plots(self.session, snapshot, target, offer.expects, WATCHED)
        self.query_one("#watched").display = bool(plots) and self.size.height >= ROOMY
        for chart, plot in zip(self.query(Chart), [*plots, *[None] * WATCHED], strict=False):
            chart.plot = plot

    def on_select_changed(self) -> None:
        self._show_watched()

    def _show_running(self, injection: Injection | None) -> None:
        line = self.query_one("#running", Static)
        line.display = injection is not None
        if injection is None:
            return
        colour = self.app.theme_variables
        glyph, tint = (BAD, "error") if injection.open else (GOOD, "success")
        if injection.refused:
            glyph, tint = UNKNOWN, "secondary"
        text = Text.assemble((f"{glyph} {injection.label}", f"bold {colour[tint]}"))
        text.append(f"  {plain(injection.fault)} {plain(injection.target)}", style="bold")
        if injection.state is State.ACTIVE and injection.deadline is not None:
            text.append(f"  {span(max(0.0, injection.deadline - self.session.clock()))} left, X undoes it now")
        if injection.detail:
            text.append(f"\n{plain(injection.detail, 1000)}", style="dim")
        if injection.recorded_until is not None:
            left = span(max(0.0, injection.recorded_until - self.session.clock()))
            text.append(f"\nrecording the aftermath: {left} left, then the incident is saved", style=colour["accent"])
        elif injection.saved:
            text.append(f"\nsaved as {plain(injection.saved)}, its cause sealed: ctrl+o opens it")
        if injection.stuck and injection.undo:
            text.append(f"\n{WARN} undo it with: ", style=colour["warning"]).append(
                plain(injection.undo, COMMAND), style="bold"
            )
        line.update(text)

    def _show_plan(self, text: Text) -> None:
        """Show the plan, scrolled into view where the pane is too short for the form and the plan."""
        plan = self.query_one("#plan", Static)
        plan.update(text)
        if text:
            self.call_after_refresh(plan.scroll_visible, top=True, animate=False)

    # -- keys ---------------------------------------------------------------------------------------------------

    @property
    def _may_inject(self) -> bool:
        offer = self.offer
        return self.session.armed and offer is not None and offer.available and not self._occupied

    @property
    def _occupied(self) -> bool:
        """Whether an injection has to end first."""
        injection = self.session.injection
        return self.session.in_live_drill or (injection is not None and (injection.open or injection.busy))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "inject":
            return self._may_inject
        if action == "dry_run":
            # The preflight of a fault tells of another one that is active.
            return self.offer is not None and self.offer.available and not self.session.in_live_drill
        return True

    def action_list(self) -> None:
        self.query_one(Rows).focus()

    def on_data_table_row_selected(self) -> None:
        fields = self.query("#form Select, #form Input")
        if fields:
            fields.first().focus()

    def action_dry_run(self) -> None:
        self._rehearse(then_inject=False)

    def action_inject(self) -> None:
        if self._may_inject:
            self._rehearse(then_inject=True)

    def _rehearse(self, then_inject: bool) -> None:
        request = self._request()
        if request is None:
            return
        self._show_plan(Text("Running the preflight checks …", style="dim"))
        injector = self.injector
        self.work(lambda: self.post_message(messages.Rehearsed(injector.rehearse(request), then_inject)), "preflight")

    def _request(self) -> Request | None:
        offer = self.offer
        if offer is None or self._built != offer.name:  # the form of this fault is not built yet
            return None
        target = self.query_one("#form Select", Select).value
        values = {k.name: self.query_one(f"#knob-{k.name}", Input).value for k in offer.knobs}
        parameters = {name: value for name, value in values.items() if value.strip()}
        try:
            seconds = float(self.query_one("#knob-seconds", Input).value)
        except ValueError:
            self.notify("seconds must be a number", severity="warning")
            return None
        return Request(offer.name, str(target), parameters, seconds)

    def on_rehearsed(self, message: messages.Rehearsed) -> None:
        rehearsal = message.rehearsal
        self._show_plan(_plan_text(rehearsal, dict(self.app.theme_variables)))
        # I was pressed twice: the first confirmation is open.
        if not message.then_inject or not self._may_inject or isinstance(self.app.screen, Confirm):
            return
        if rehearsal.refused:
            self.post_message(messages.Failed("Nothing was injected", Problem(rehearsal.refused)))
            return
        request = rehearsal.request
        actions = (f"  {plain(action, 1000)}" for action in rehearsal.actions)
        what = [f"For at most {span(request.seconds)}:", *actions, "Its incident is saved a minute after it is undone."]
        self.app.push_screen(
            Confirm(f"Inject {request.fault} into {request.target}?", "\n".join(what), request.target, "Inject"),
            lambda sure: self._inject(request) if sure else None,
        )

    def _inject(self, request: Request) -> None:
        if self._may_inject:
            self.work(lambda: self.injector.run(request, self.app.post_message), "injection")

    def copied(self) -> str:
        lines = [f"{o.name}\t{'yes' if o.available else 'no'}\t{plain(o.reason)}" for o in self._offers]
        return "\n".join(["fault\tavailable\treason", *lines])


def _choice(targets: tuple[str, ...]) -> Select[str]:
    options = [(Text(plain(target)), target) for target in targets]
    preferred = next((t for t in targets if t.startswith("replica")), targets[0])
    return Select(options, value=preferred, allow_blank=False, compact=True, classes="value")


def _plan_text(rehearsal: Rehearsal, colour: dict[str, str]) -> Text:
    text = Text("\nPreflight\n", style="bold")
    for name, ok, detail in rehearsal.checks:
        text.append(f"{GOOD if ok else BAD} ", style=colour["success" if ok else "error"])
        text.append(f"{plain(name):<16} ", style="not bold").append(f"{plain(detail, 1000)}\n", style="not bold dim")
    if rehearsal.refused:
        text.append(f"{BAD} {plain(rehearsal.refused, 1000)}\n", style=f"not bold {colour['error']}")
    if rehearsal.actions:
        text.append("Actions of the injection\n")
        for i, action in enumerate(rehearsal.actions, 1):
            text.append(f"{i}. {plain(action, 1000)}\n", style="not bold")
        text.append("Command to undo it by hand\n").append(f"{plain(rehearsal.undo, COMMAND)}\n", style="not bold")
    return text
