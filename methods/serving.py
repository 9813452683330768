"""Serving: replicas behind one front door are each other's control group; who left it, and who sent the requests?"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from cluster.incident.model import Incident
from methods.answer.caveats import caveats_for
from methods.answer.ranking import by_components
from methods.answer.types import Family, Method, NoRanking, Outcome
from methods.peers.evidence import Weights
from methods.peers.explanation import explain
from methods.peers.judgement import judge
from methods.telemetry.possible import possible


class Serving(Method):
    """Serving: the probability that a component, or nobody, is at fault, by contrast with its peers.

    Idea:
        Replicas behind one front door do the same work, so they are each other's control group. A fault in one shows as
        a change that its peers lack; what moves all alike is the users' doing or the caller's. Every stretch of time is
        tried as the trouble, so the method needs no onset and no SLI. "Nobody is at fault" competes with the
        components.

    Formula:
        z = (change of a signal − median change of the peers) / error, in blocks of 5 s, of the sampling interval or of
        a 72nd of the window, the longest of these, on a logarithmic scale but for shares. error² = noise² (2/k + 1/k₀)
        + floor² + (follow · peers' change)², and for rates of events 1/(events + ½), with k blocks in the stretch, k₀
        before it, and the noise of past contrasts. Only harmful directions count. A family of signals adds
        log(1 − share + share · mean BF): BF is the Bayes factor of z under a Student t that is `slab` times wider,
        against the plain one. What is compared with what:

        - Where nothing lies before, in the first blocks: what a component measures of its requests, and its callers of
          it, with the level of its peers, within `rest` of which replicas stand when all is well. So trouble that is
          older than the recording has a name where one replica stands apart.
        - An engine's own signal, with nothing where half of three or more lack it and callers time all of them.
        - Edge latency over the callee's own latency, the rise that more than half of the callees reach: for the caller.
          Of four, three must rise. One that is slow in most of its calls may be late to connect to any of them, too.
        - Requests are conserved: a replica that suffers and gets more requests than its peers passes its evidence to
          the caller that sent them. More requests are never evidence against a replica.
        - Symptoms of a caller (latency, errors, queue, network) count only beyond those of what it calls, and what that
          quartile of its calls has more of than the callees say explains none of them. A call that its caller gave up
          is said by a callee that counts it as aborted.
        - Little's law: requests in flight over their rate, a time that includes requests that have not ended.
        - Silence: gauges and rates that stop, while those of the peers go on; without peers, those of all others.
        - Without peers that tell the load, a component is held to its own past: what follows the load, to its own rate
          of requests. What it never did before may still happen once in so long a time, so the factor of a family
          stays below 1 + k₀.

        P ∝ the mean of exp(evidence) over all stretches; nobody has exp(nobody), two peers together the exponential of
        their sum less `several`.

    Inputs:
        Metrics (T × N) and edge metrics (T × M), in any unit; at least 4 blocks. The topology: who calls whom. An onset
        that an operator has set makes stretches that begin near it more probable; an estimated one is not used, but
        where nothing has peers: then the times at which users' trouble may have begun do, by their probabilities.

    Parameters:
        share: how often a fault touches one family of signals, 0.4.
        slab: how many standard errors a fault moves a signal, 15.
        tails: degrees of freedom of the Student t, 7.
        floor: a change that means nothing, 0.1 (ten per cent).
        follow: how differently peers follow a shared change, as a share of it, 0.5.
        nobody: log odds of nobody, 3.25.
        several: price of a second component, in log odds, 5.5.
        `contrasts.REST`: how differently replicas stand when all is well, 0.25; `hypotheses.OLDER`: how often trouble
        is older than the recording, 0.1. Neither is fitted; 0.25 was preferred to another value on drills that were cut
        to begin after their faults, none of them only to be scored.

    Fails when:
        All replicas have the same fault, which looks like load or like the caller. A machine hurts all that runs on it:
        hosts are not ranked. The fault began before the window, and shows in no signal of requests, or at the caller of
        all. Components are called rarely or have no peers: their
        own past is a weak control, so in other systems it often answers nobody. A component that did nothing before has
        no normal that it could leave. Other systems' signals are known by words in their names (latency, availability,
        workload, cpu); those without such a word count once all together. Services that one calls are unequal peers.
        Without edge metrics a slow link looks like nobody, and the last step says what was not measured. Two faulty
        components that are not peers.

        NoRanking with fewer than 4 blocks, when no signal is ever above 0, and when no component has a control. Where
        nobody is most probable there is still a ranking; the first step and a caveat say so, and `numbers["nobody"]` of
        the first step is the probability.

    Cost:
        O(A C N/C log C) for N signals of C components in A ≤ 4 B stretches of B ≤ 72 blocks; see the page of its
        measurements.

    Reference:
        None: made for this tool. Bayes factors of heavy-tailed alternatives as in Johnson, Rossell, On the use of
        non-local prior densities in Bayesian hypothesis tests, JRSS B 2010; the control group as in
        difference-in-differences, Card, Krueger, Minimum wages and employment, 1994; Little, A proof for the queuing
        formula L = λW, Operations Research 1961.

    Deviations:
        None. It knows signals by their names: their families, and which direction hurts. It knows no fault's signature,
        but its structure was chosen while looking at the first 66 drills. It is not one of the study's methods and has
        no vote in the consensus.

    Example:
        >>> import numpy as np
        >>> from cluster.incident.tiny import slow_replica
        >>> from methods.serving import Serving
        >>> ranking = Serving().rank(slow_replica(), np.random.default_rng(0))
        >>> [scored.component for scored in ranking.components]
        ['replica-1', 'gateway', 'replica-0']
        >>> print(ranking.explanation.steps[2].claim)
        replica-1: latency_p90 measured by gateway 198 ms → 485 ms, latency_p90 198 ms → 485 ms, cpu_usage 0.492 cores →
        1.21 cores since 00:18:20 UTC; replica-0 unchanged.
    """

    name: ClassVar[str] = "serving"
    family: ClassVar[Family] = Family.SERVING

    def __init__(
        self,
        share: float = 0.4,
        slab: float = 15.0,
        tails: float = 7.0,
        floor: float = 0.1,
        follow: float = 0.5,
        nobody: float = 3.25,
        several: float = 5.5,
    ) -> None:
        self.weights = Weights(share, slab, tails, floor, follow, nobody, several)

    def rank(self, incident: Incident, rng: np.random.Generator) -> Outcome:
        incident = possible(incident)
        judged = judge(incident, self.weights)
        if isinstance(judged, NoRanking):
            return judged
        explanation = explain(incident, judged.evidence, judged.posterior, judged.order)
        return caveats_for(by_components(judged.scores, explanation, named=judged.named), incident)
