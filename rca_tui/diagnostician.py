"""The app's part in a diagnosis: when methods run, by themselves or asked for, and what becomes of their answers."""

from __future__ import annotations

from dataclasses import replace

from rca_tui.referee import Referee
from rca_tui.session import Snapshot
from rca_tui.work import messages
from rca_tui.work.alarm import REST
from rca_tui.work.threads import in_thread


class Diagnostician(Referee):
    """Arguments as of `Opener`."""

    def on_onset_found(self, message: messages.OnsetFound) -> None:
        session = self.session
        if session.replayed:
            session.estimated, session.onset_searched = message.mark, True
        if session.mark is None or not session.mark.by_operator:
            session.mark = message.mark
        if session.replayed and session.moment is None and session.mark and session.latest:
            from rca_tui.draw.health import telling_moment

            # At the end of a recording the fault has been reverted: show a moment at which it is active.
            session.moment = telling_moment(session.latest, session.mark.time)
        if session.replayed and session.diagnosis is None and not self.diagnosing:
            self.action_diagnose()

    @property
    def diagnosing(self) -> bool:
        """Whether a diagnosis runs."""
        return any(worker.group == "diagnosis" and not worker.is_finished for worker in self.workers)

    def _asked_for(self, snapshot: Snapshot) -> bool:
        """Whether the operator had the newest telemetry diagnosed by all methods: those answers are kept."""
        done = self.session.diagnosis
        return done is not None and not done.quick and done.incident.window.end > snapshot.end - REST

    def action_diagnose(self) -> None:
        """Run all methods on what is displayed."""
        self._diagnose(self.session.displayed, quick=False)

    def action_diagnose_quickly(self) -> None:
        """Run the quick methods on the newest telemetry of a live deployment, unless methods run already."""
        if not self.diagnosing:
            self._diagnose(self.session.latest, quick=True)

    def _diagnose(self, snapshot: Snapshot | None, quick: bool) -> None:
        deployment = self.session.deployment
        if snapshot is None or deployment is None:
            self.notify(self._no_telemetry, severity="warning", markup=False)
            return
        work, warning = self.diagnoser.begin(snapshot, deployment, quick)
        if warning:
            self.notify(warning, severity="warning", markup=False)
        if not quick:
            self.session.diagnosis = None
        if (game := self.session.game) is not None:
            self.session.game = game.ask(snapshot.end)
        self.run_worker(work, **in_thread("diagnosis"))

    def action_cancel_diagnosis(self) -> None:
        self.diagnoser.cancel()

    def on_diagnosis_begun(self, message: messages.DiagnosisBegun) -> None:
        # A second look at the same trouble keeps the first verdict until it has its own.
        verdict = self.session.verdict if message.diagnosis.quick else None
        self.session.diagnosis = replace(message.diagnosis, verdict=verdict)

    def on_decided(self, message: messages.Decided) -> None:
        if (diagnosis := self.session.diagnosis) is not None:
            self.session.diagnosis = replace(diagnosis, verdict=message.verdict)

    def on_method_answered(self, message: messages.MethodAnswered) -> None:
        if (diagnosis := self.session.diagnosis) is not None:
            results = {**diagnosis.results, message.result.method: message.result}
            self.session.diagnosis = replace(diagnosis, results=results, consensus=message.consensus)

    def on_diagnosis_ended(self, message: messages.DiagnosisEnded) -> None:
        if (diagnosis := self.session.diagnosis) is not None:
            self.session.diagnosis = replace(diagnosis, running=False, note=message.note)
