"""The pages of a workshop as HTML. Every value is escaped: names come from players, ids from telemetry."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from cluster.display import to_html
from cluster.incident.truth import NO_FAULT
from cluster.text.plain import plain
from cluster.text.times import span
from rca_tui.room.lesson import Guess, Player, Stage, Workshop

_STYLE = """
body{font:16px system-ui,sans-serif;background:#0f141a;color:#e6edf3;margin:0}
main{max-width:60rem;margin:2rem auto;padding:0 1rem}p{margin:.3rem 0;max-width:60rem}
#bar{padding:.5rem 1rem;background:#1b232d;border-bottom:1px solid #33404d}#said{color:#ffb37c}
iframe{width:100%;border:0;display:block}
form{display:inline-block;margin:.2rem 1rem .2rem 0}label{margin-right:.8rem;white-space:nowrap}
input,select,button{font:inherit;padding:.15rem .4rem}button{background:#e06c2c;color:#fff;border:0;cursor:pointer}
table{border-collapse:collapse;width:100%;margin:1rem 0}td,th{text-align:left;padding:.35rem .6rem;
border-bottom:1px solid #33404d}td.n,th.n{text-align:right}.big{font-size:1.6rem;margin:.6rem 0}.quiet{color:#9fb0bf}
.page{background:#7a1f1f;padding:.15rem .5rem}a{color:#7cc4ff}
"""
_FOLLOW = """
let last="";
const bar=document.getElementById("bar"), fields=()=>[...bar.querySelectorAll("input,select")];
async function look(){
  try{
    const r=await fetch("%s",{cache:"no-store"});
    if(!r.ok)return;
    const t=await r.text();
    if(t===last)return;
    const kept=new Map(fields().map(f=>[f.name+f.defaultValue,[f.checked,f.value]]));
    last=t;bar.innerHTML=t;
    for(const f of fields()){const k=kept.get(f.name+f.defaultValue);if(k){f.checked=k[0];f.value=k[1];}}
    after();
  }catch(e){}
}
document.addEventListener("submit",async e=>{
  e.preventDefault();
  const r=await fetch(e.target.getAttribute("action"),{method:"POST",body:new URLSearchParams(new FormData(e.target))});
  document.getElementById("said").textContent=r.ok?"":await r.text();
  look();
});
setInterval(look,1500);look();
"""
"""Keeps the page as the server has it, without losing what was typed, and sends its forms."""
_PLAY = """
const app=document.getElementById("app");
function after(){
  const round=bar.querySelector("[data-round]").dataset.round, want=round==="0"?"":"/app?round="+round;
  if((app.dataset.at||"")!==want){app.dataset.at=want;app.src=want;}
  app.style.height=Math.max(300,window.innerHeight-document.getElementById("top").offsetHeight-1)+"px";
}
window.addEventListener("resize",after);
document.addEventListener("change",e=>{
  const it=e.target;
  if(!it.checked)return;
  const other=it.name==="nobody"?"component":it.name==="component"?"nobody":"";
  if(other)for(const box of bar.querySelectorAll("input[name="+other+"]"))box.checked=false;
});
"""


_ENDING = "<p class=quiet>No more guesses. The fault is undone, then all is shown.</p>"


def join(problem: str = "") -> str:
    said = f"<p id=said role=alert>{escape(problem)}</p>" if problem else ""
    form = "<form method=post action=/join><label>Your name <input name=name maxlength=24 required autofocus></label>"
    return _page("Workshop", f"<main><h1>Workshop</h1>{said}{form}<button>Join</button></form></main>")


def notice(text: str) -> str:
    """A page with one sentence."""
    return _page("Workshop", f"<main><p class=big role=alert>{escape(text)}</p></main>")


def play() -> str:
    """A player's page: the bar above an app of their own."""
    return _followed("Workshop", "/bar", "<div id=top>", "</div><iframe id=app title='the app'></iframe>", _PLAY)


def bar(workshop: Workshop, player: Player, faults: Sequence[str]) -> str:
    """What stands above a player's app: it changes only when the workshop does."""
    head = f"<span data-round={workshop.number}><b>{escape(player.name)}</b> · {_where(workshop)}</span>"
    match workshop.stage:
        case Stage.LOBBY:
            return f"{head}{_problem(workshop)}<p class=quiet>The instructor starts the first drill.</p>"
        case Stage.BASELINE:
            story = _text(workshop.current.scenario.story)
            return (
                f"{head}<p>{story}</p><p class=quiet>Nothing is known to be wrong: learn what healthy looks like.</p>"
                f"{_waits(workshop)}"
            )
        case Stage.ENDING:
            return f"{head}{_ENDING}"
        case Stage.REVEALED:
            return head + _problem(workshop) + _truth(workshop) + _lesson(workshop) + _table(workshop)
    if (guess := player.guess) is not None:
        said = f"Your guess is in: {escape(_said(guess))}. All are shown at the reveal."
        return f"{head} {_alert(workshop)}<p class=quiet>{said}</p>"
    limit = f" <span class=quiet>Being quick earns points for {span(workshop.current.scenario.limit)}.</span>"
    return f"{head} {_alert(workshop)}{limit} {_hints(workshop, player)}{_guess_form(workshop, faults)}"


def board() -> str:
    """For the projector."""
    return _followed("Scoreboard", "/board/now", "<main>", "</main>", "function after(){}")


def board_now(workshop: Workshop) -> str:
    about = ""
    if workshop.stage is Stage.PAGED:
        since = span(workshop.waited or 0.0)
        about = f"<p class=big>{_alert(workshop)}</p><p class=quiet>{since} since the page</p>"
    elif workshop.stage is Stage.REVEALED:
        about = f"<div class=big>{_truth(workshop)}</div>{_lesson(workshop)}"
    elif workshop.stage is Stage.ENDING:
        about = _ENDING
    elif workshop.stage is Stage.BASELINE:
        about = f"<p class=big>{_text(workshop.current.scenario.story)}</p>{_waits(workshop)}"
    return f"<h1>{_where(workshop)}</h1>{about}{_table(workshop)}"


def instructor() -> str:
    link = "<p><a href=/board>Scoreboard</a> for the projector</p></main>"
    return _followed("Instructor", "/instructor/now", "<main>", link, "function after(){}")


def instructor_now(workshop: Workshop) -> str:
    playing = workshop.stage not in (Stage.LOBBY, Stage.REVEALED)
    action, label = ("reveal", "Reveal") if playing else ("start", "Start the next drill")
    done = workshop.stage is Stage.ENDING or (not playing and workshop.number == len(workshop.rounds))
    form = "" if done else f"<form method=post action=/instructor/{action}><button>{label}</button></form>"
    told = _truth(workshop) + _lesson(workshop) if workshop.stage is Stage.REVEALED else ""
    ending = _ENDING if workshop.stage is Stage.ENDING else ""
    waits = _waits(workshop) if workshop.stage is Stage.BASELINE else ""
    return f"<h1>{_where(workshop)}</h1>{_problem(workshop)}{form}{waits}{ending}{told}{_table(workshop)}"


def _where(workshop: Workshop) -> str:
    if workshop.stage is Stage.LOBBY:
        return f"{len(workshop.players)} here"
    title = escape(plain(workshop.current.scenario.title))
    return f"drill {workshop.number} of {len(workshop.rounds)}: {title}"


def _alert(workshop: Workshop) -> str:
    page = workshop.current.scenario.page
    return f"<span class=page>PAGE, {escape(page.severity)}</span> {escape(plain(page.text))}"


def _hints(workshop: Workshop, player: Player) -> str:
    hints = workshop.current.hints
    given = "".join(f"<p>Hint: {escape(plain(text, 4000))}</p>" for text, _ in hints[: player.hints])
    if player.hints == len(hints):
        return given
    costs = hints[player.hints][1]
    return f"{given}<form method=post action=/hint><button>Hint, costs {costs} points</button></form>"


def _guess_form(workshop: Workshop, faults: Sequence[str]) -> str:
    boxes = "".join(
        f"<label><input type=checkbox name=component value='{escape(c, quote=True)}'>{escape(plain(c))}</label>"
        for c in workshop.current.components
    )
    options = "".join(f"<option value='{escape(k, quote=True)}'>{escape(k)}</option>" for k in (NO_FAULT, *faults))
    return (
        f"<form method=post action=/guess>Who is at fault? {boxes}"
        "<label><input type=checkbox name=nobody value=yes>nobody</label> "
        f"<label>fault <select name=fault><option value=''>left open</option>{options}</select></label>"
        "<label>how sure <input name=sure type=number min=0 max=100 step=any required style='width:4rem'> %</label>"
        "<button>Commit</button></form>"
    )


def _truth(workshop: Workshop) -> str:
    truth = workshop.current.truth
    return "" if truth is None else f"<p>It was <b>{escape(plain(truth.cause))}</b>.</p>"


def _problem(workshop: Workshop) -> str:
    return f"<p role=alert class=page>{escape(workshop.problem)}</p>" if workshop.problem else ""


def _waits(workshop: Workshop) -> str:
    return f"<p class=quiet>{_text(workshop.current.waits)}</p>" if workshop.current.waits else ""


def _lesson(workshop: Workshop) -> str:
    scenario = workshop.current.scenario
    points = "".join(f"<li>{escape(plain(line))}" for line in scenario.learn)
    told = to_html(workshop.evidence) if workshop.evidence else ""
    return f"<p>{_text(scenario.debrief)}</p><ul>{points}</ul>{told}"


def _table(workshop: Workshop) -> str:
    rows = []
    for row in workshop.board():
        guess, score = row["guess"], row["score"]
        said, got = "committed" if row["committed"] else "", ""
        if guess is not None and score is not None:
            hints = f", {row['hints']} hint{'s' * (row['hints'] > 1)}" if row["hints"] else ""
            said = f"{_said(Guess(**guess))}, {span(score['seconds'])}{hints}"
            got = f"{score['points']:g}"
        cells = f"<td>{escape(row['player'])}<td>{escape(said)}<td class=n>{got}<td class=n>{row['total']:g}"
        rows.append(f"<tr>{cells}")
    return f"<table><tr><th>player<th>guess<th class=n>points<th class=n>all points{''.join(rows)}</table>"


def _said(guess: Guess) -> str:
    who = ", ".join(map(plain, guess.components)) or "nobody"
    return f"{who}, {guess.fault or 'fault left open'}, {guess.sure:.0%} sure"


def _text(value: str) -> str:
    return escape(plain(" ".join(value.split()), 4000))


def _followed(title: str, source: str, before: str, after: str, script: str) -> str:
    """A page whose bar follows what `source` says; `script` defines `after`, called whenever it has changed."""
    body = f"{before}<div id=bar></div><div id=said role=alert></div>{after}"
    return _page(title, f"{body}<script>{_FOLLOW % source}{script}</script>")


def _page(title: str, body: str) -> str:
    head = f"<meta charset=utf-8><title>{title}</title><style>{_STYLE}</style>"
    return f"<!DOCTYPE html><html lang=en>{head}{body}</html>"
