"""Zhang's orientation rules R1 to R4 and R8 to R10 for a PAG without selection bias.

Reference: Zhang, On the completeness of orientation rules for causal discovery in the presence of latent confounders
and selection bias, Artificial Intelligence 172, 2008. Nodes are named as in the paper (α, β, γ, θ become a, b, c, d).
"""

from __future__ import annotations

import itertools
from collections import deque

from methods.graph.mixed import Bools, Mark, Marks

# Plain integers: looking a member up in an enumeration costs more than the comparison.
_CIRCLE, _ARROW, _TAIL = int(Mark.CIRCLE), int(Mark.ARROW), int(Mark.TAIL)


class Rules:
    """Applies the rules to (N, N) `marks`, in place, until none of them fits.

    `unions[x, z, y]` says that y is in the separating set of x and z.
    """

    def __init__(self, marks: Marks, unions: Bools) -> None:
        # Lists of plain integers: the rules look at single cells, which arrays are slow at.
        self._array = marks
        self._m: list[list[int]] = marks.tolist()
        self._around = [[j for j, mark in enumerate(row) if mark] for row in self._m]
        self._unions = unions
        self._changed = False

    def run(self) -> None:
        while True:
            self._changed = False
            self._r1_r2()
            self._r3()
            self._r4()
            self._r8()
            self._r9_r10()
            if not self._changed:
                break
        self._array[:] = self._m

    def _set(self, i: int, j: int, mark: int) -> None:
        """The mark at j of the edge i – j. Only circles are ever replaced, so the rules come to an end."""
        if self._m[i][j] == _CIRCLE:
            self._m[i][j] = mark
            self._changed = True

    def _into(self, i: int, j: int) -> bool:
        return self._m[i][j] == _ARROW

    def _parent(self, i: int, j: int) -> bool:
        return self._m[i][j] == _ARROW and self._m[j][i] == _TAIL

    def _r1_r2(self) -> None:
        m = self._m
        for b, around in enumerate(self._around):
            for a, c in itertools.permutations(around, 2):
                if m[a][b] == _ARROW:
                    if not m[a][c] and m[c][b] == _CIRCLE:
                        # R1: a *→ b o–* c, a and c apart: b is no collider, so b → c.
                        self._set(c, b, _TAIL)
                        self._set(b, c, _ARROW)
                    elif m[a][c] == _CIRCLE and m[b][c] == _ARROW and _TAIL in (m[b][a], m[c][b]):
                        # R2: a → b *→ c or a *→ b → c, and a *–o c: an arrowhead at a's cause would close a cycle.
                        self._set(a, c, _ARROW)

    def _r3(self) -> None:
        m = self._m
        for b, around in enumerate(self._around):
            into = [a for a in around if m[a][b] == _ARROW]
            loose = [d for d in around if m[d][b] == _CIRCLE]
            for d in loose:
                fits = [a for a in into if m[a][d] == _CIRCLE]
                # R3: a *→ b ←* c, a *–o d o–* c, a and c apart, d *–o b: then d *→ b.
                if any(not m[a][c] for a, c in itertools.combinations(fits, 2)):
                    self._set(d, b, _ARROW)

    def _r4(self) -> None:
        for b, around in enumerate(self._around):
            for c in around:
                if self._m[c][b] != _CIRCLE:
                    continue
                for a in around:
                    if self._into(b, a) and self._parent(a, c) and self._m[c][b] == _CIRCLE:
                        self._discriminate(a, b, c)

    def _discriminate(self, a: int, b: int, c: int) -> None:
        """R4: find d with a path d … a, b, c on which all between d and b are colliders and parents of c."""
        before = {a: b}
        queue = deque([a])
        while queue:
            t = queue.popleft()
            for d in self._around[t]:
                if d in before or d in (b, c) or not self._into(d, t) or not self._into(before[t], t):
                    continue
                if not self._m[d][c]:
                    if self._unions[d, c, b]:
                        self._set(c, b, _TAIL)
                        self._set(b, c, _ARROW)
                    else:
                        self._set(a, b, _ARROW)
                        self._set(c, b, _ARROW)
                        self._set(b, c, _ARROW)
                    return
                if self._parent(d, c):
                    before[d] = t
                    queue.append(d)

    def _half_directed(self) -> list[tuple[int, int]]:
        """All a o→ c."""
        m = self._m
        return [
            (a, c) for c, around in enumerate(self._around) for a in around if m[a][c] == _ARROW and m[c][a] == _CIRCLE
        ]

    def _r8(self) -> None:
        m = self._m
        for a, c in self._half_directed():
            for b in self._around[a]:
                # R8: a → b → c or a –o b → c, and a o→ c: then a → c.
                if m[b][a] == _TAIL and m[a][b] in (_ARROW, _CIRCLE) and self._parent(b, c):
                    self._set(c, a, _TAIL)
                    break

    def _r9_r10(self) -> None:
        for a, c in self._half_directed():
            firsts = [b for b in self._around[a] if b != c and self._possible(a, b)]
            # R9: an uncovered possibly directed path a, b, … c with b and c apart: then a → c.
            if any(not self._m[b][c] and c in self._reach(a, b) for b in firsts):
                self._set(c, a, _TAIL)
                continue
            causes = [b for b in self._around[c] if b != a and self._parent(b, c)]
            if len(causes) < 2 or len(firsts) < 2:
                continue
            reached = {b: self._reach(a, b, avoid=c) for b in firsts}
            # R10: b → c ← d, uncovered possibly directed paths from a to b and to d that set out over nodes apart.
            if any(
                not self._m[one][other]
                and any(b in reached[one] and d in reached[other] for b, d in itertools.permutations(causes, 2))
                for one, other in itertools.combinations(firsts, 2)
            ):
                self._set(c, a, _TAIL)

    def _possible(self, i: int, j: int) -> bool:
        """The edge i – j could be directed i → j."""
        return self._m[j][i] in (_TAIL, _CIRCLE) and self._m[i][j] in (_ARROW, _CIRCLE)

    def _reach(self, a: int, b: int, avoid: int = -1) -> set[int]:
        """Nodes that an uncovered possibly directed path from a over b leads to, b included."""
        found = {b}
        seen = {(a, b)}
        queue = deque(seen)
        while queue:
            u, v = queue.popleft()
            for w in self._around[v]:
                if w in (a, u, avoid) or self._m[u][w] or (v, w) in seen or not self._possible(v, w):
                    continue
                seen.add((v, w))
                found.add(w)
                queue.append((v, w))
        return found
