"""The pages of a workshop as HTML. Every value is escaped: names come from players, ids from telemetry."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from cluster.incident.truth import NO_FAULT
from cluster.text.plain import plain
from rca_tui.room.lesson import Player, Stage, Workshop

_STYLE = """
body{font:16px system-ui,sans-serif;background:#0f141a;color:#e6edf3;margin:0}
main{max-width:60rem;margin:2rem auto;padding:0 1rem}
#bar{padding:.5rem 1rem;background:#1b232d;border-bottom:1px solid #33404d}
iframe{width:100%;border:0;display:block}
form{display:inline-block;margin:.2rem 1rem .2rem 0}label{margin-right:.8rem;white-space:nowrap}
input,select,button{font:inherit;padding:.15rem .4rem}button{background:#e06c2c;color:#fff;border:0;cursor:pointer}
table{border-collapse:collapse;width:100%;margin:1rem 0}td,th{text-align:left;padding:.35rem .6rem;
border-bottom:1px solid #33404d}td.n{text-align:right}.big{font-size:1.6rem}.quiet{color:#9fb0bf}
"""
_FOLLOW = """
let last="";
async function follow(){
  try{
    const r=await fetch("%s",{cache:"no-store"});
    if(r.ok){const t=await r.text();
      if(t!==last){last=t;document.getElementById("bar").innerHTML=t;after();}}
  }catch(e){}
  setTimeout(follow,1500);
}
"""
_PLAY = """
function after(){
  const app=document.getElementById("app"), mark=document.querySelector("#bar [data-round]");
  const want=mark.dataset.round==="0"?"":"/app?round="+mark.dataset.round;
  if(app.dataset.at!==want){app.dataset.at=want;if(want)app.src=want;}
  app.style.height=(window.innerHeight-document.getElementById("bar").offsetHeight-1)+"px";
}
window.addEventListener("resize",after);follow();
"""


def join(problem: str = "") -> str:
    said = f"<p role=alert>{escape(problem)}</p>" if problem else ""
    form = "<form method=post action=/join><label>Your name <input name=name maxlength=24 required autofocus></label>"
    return _page("Workshop", f"<main><h1>Workshop</h1>{said}{form}<button>Join</button></form></main>")


def play() -> str:
    script = f"<script>{_FOLLOW % '/bar'}{_PLAY}</script>"
    return _page("Workshop", f"<div id=bar></div><iframe id=app title='the app'></iframe>{script}")


def bar(workshop: Workshop, player: Player, kinds: Sequence[str]) -> str:
    """What stands above a player's app: it changes only when the workshop does."""
    number = workshop.number
    head = f"<span data-round={number}><b>{escape(player.name)}</b> · {_where(workshop)}</span> "
    if workshop.stage is Stage.LOBBY:
        return head + "<span class=quiet>The instructor starts the first recording.</span>"
    if workshop.stage is Stage.REVEALED:
        return head + _truth(workshop) + _table(workshop)
    if player.guess is not None:
        return head + "<span class=quiet>Your guess is in. All are shown at the reveal.</span>"
    boxes = "".join(
        f"<label><input type=checkbox name=component value='{escape(c, quote=True)}'>{escape(plain(c))}</label>"
        for c in workshop.current.components
    )
    options = "".join(f"<option value='{escape(k, quote=True)}'>{escape(k)}</option>" for k in (NO_FAULT, *kinds))
    return (
        f"{head}<form method=post action=/guess>Who is at fault? {boxes}<span class=quiet>(none: nobody)</span> "
        f"<label>kind <select name=kind>{options}</select></label>"
        "<label>how sure <input name=sure type=number min=0 max=100 value=70 style='width:4rem'> %</label>"
        "<button>Commit</button></form>"
    )


def board() -> str:
    """For the projector."""
    script = f"<script>{_FOLLOW % '/board/now'}function after(){{}}follow();</script>"
    return _page("Scoreboard", f"<main id=bar></main>{script}")


def board_now(workshop: Workshop) -> str:
    truth = _truth(workshop) if workshop.stage is Stage.REVEALED else ""
    return f"<h1>{_where(workshop)}</h1><div class=big>{truth}</div>{_table(workshop)}"


def instructor(workshop: Workshop, problem: str = "") -> str:
    said = f"<p role=alert>{escape(problem)}</p>" if problem else ""
    playing = workshop.stage is Stage.PLAYING
    action, label = ("reveal", "Reveal") if playing else ("start", "Start the next recording")
    done = not playing and workshop.number == len(workshop.rounds)
    form = "" if done else f"<form method=post action=/instructor/{action}><button>{label}</button></form>"
    link = "<p><a href=/board style='color:#7cc4ff'>Scoreboard</a> for the projector</p>"
    again = "<form action=/instructor><button>Refresh</button></form>"
    return _page("Instructor", f"<main><h1>{_where(workshop)}</h1>{said}{form}{again}{link}{_table(workshop)}</main>")


def _where(workshop: Workshop) -> str:
    if workshop.stage is Stage.LOBBY:
        return f"{len(workshop.players)} players are here"
    told = "plays" if workshop.stage is Stage.PLAYING else "is revealed"
    return f"recording {workshop.number} of {len(workshop.rounds)} {told}"


def _truth(workshop: Workshop) -> str:
    return f"It was <b>{escape(plain(workshop.current.truth.cause))}</b>. "


def _table(workshop: Workshop) -> str:
    rows = []
    for row in workshop.board():
        guess = row["guess"]
        said = "committed" if row["committed"] else ""
        if guess is not None:
            who = ", ".join(map(plain, guess["components"])) or "nobody"
            said = f"{who}, {guess['kind']}, {guess['sure']:.0%} sure, after {row['seconds']} s"
        got = "" if row["points"] is None else f"{row['points']:g}"
        cells = f"<td>{escape(row['player'])}<td>{escape(said)}<td class=n>{got}<td class=n>{row['total']:g}"
        rows.append(f"<tr>{cells}")
    return f"<table><tr><th>player<th>guess<th>points<th>all points{''.join(rows)}</table>"


def _page(title: str, body: str) -> str:
    head = f"<meta charset=utf-8><title>{title}</title><style>{_STYLE}</style>"
    return f"<!DOCTYPE html><html lang=en>{head}{body}</html>"
