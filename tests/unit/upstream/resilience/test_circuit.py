"""The circuit alone: no I/O, its caller's clock."""

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from reddit_mcp.storage.breakers.breaker_records import BreakerNotice
from reddit_mcp.upstream.resilience.circuit_state import BreakerRules, CircuitState, Outcome
from tests.support.clocks import Clock

FAULT, NEUTRAL, SUCCESS = Outcome.FAULT, Outcome.NEUTRAL, Outcome.SUCCESS
RULES = BreakerRules()


def state(circuit: CircuitState) -> str:
    """Read anew each time: mypy takes a property for a constant."""
    return circuit.state


def a_circuit(**rules: Any) -> tuple[CircuitState, Clock]:
    clock = Clock()
    return CircuitState(BreakerRules(**rules), clock), clock


def send(circuit: CircuitState, *outcomes: Outcome, seconds: float = 0.1) -> None:
    for outcome in outcomes:
        circuit.enter()
        circuit.leave(outcome, seconds)


def test_five_faults_in_a_row_open_it() -> None:
    circuit, _ = a_circuit()
    send(circuit, *[FAULT] * 4, SUCCESS, *[FAULT] * 2, NEUTRAL, *[FAULT] * 2)
    assert state(circuit) == "closed"
    send(circuit, FAULT)
    assert state(circuit) == "open"


def test_half_of_the_last_twenty_open_it() -> None:
    circuit, _ = a_circuit()
    send(circuit, *[SUCCESS, FAULT] * 9, SUCCESS)
    assert state(circuit) == "closed"
    send(circuit, FAULT)
    assert state(circuit) == "open"


def test_less_than_half_does_not() -> None:
    circuit, _ = a_circuit()
    send(circuit, *[SUCCESS, FAULT, SUCCESS] * 30)
    assert state(circuit) == "closed"


def test_slow_answers_count_for_the_rate() -> None:
    circuit, _ = a_circuit()
    send(circuit, *[SUCCESS] * 19, seconds=5.1)
    assert state(circuit) == "closed"
    send(circuit, SUCCESS, seconds=5.1)
    assert state(circuit) == "open"
    assert state(a_circuit()[0]) == "closed"
    fast, _ = a_circuit()
    send(fast, *[SUCCESS] * 40, seconds=5.0)
    assert state(fast) == "closed"


def test_it_waits_ten_seconds_then_probes() -> None:
    circuit, clock = a_circuit()
    send(circuit, *[FAULT] * 5)
    clock.now += 9.9
    assert state(circuit) == "open"
    assert circuit.left == pytest.approx(0.1)
    clock.now += 0.2
    assert (state(circuit), circuit.left) == ("half_open", 0.0)
    assert circuit.age == pytest.approx(0.1)


def half_open(**rules: Any) -> tuple[CircuitState, Clock]:
    circuit, clock = a_circuit(**rules)
    send(circuit, *[FAULT] * 5)
    clock.now += 10
    return circuit, clock


def test_three_probes_at_most_and_two_successes_close_it() -> None:
    circuit, _ = half_open()
    probes = [circuit.claim() for _ in range(4)]
    assert [probe is None for probe in probes] == [False, False, False, True]
    assert probes[0] is not None
    circuit.judge(probes[0], SUCCESS, 0.1)
    assert (state(circuit), circuit.claim()) == ("half_open", None)
    circuit.judge(probes[0], SUCCESS, 0.1)
    assert state(circuit) == "closed"


def test_a_probe_that_learnt_nothing_gives_its_place_back() -> None:
    circuit, _ = half_open()
    for _ in range(10):
        probe = circuit.claim()
        assert probe is not None
        circuit.judge(probe, NEUTRAL, 0.1)
    assert state(circuit) == "half_open"


def test_failed_probes_double_the_wait_up_to_a_minute() -> None:
    circuit, clock = half_open()
    waits = []
    for _ in range(4):
        probe = circuit.claim()
        assert probe is not None
        circuit.judge(probe, FAULT, 0.0)
        waits.append(circuit.left)
        clock.now += circuit.left
    assert waits == [20, 40, 60, 60]


def test_a_probe_that_hung_does_not_lengthen_the_outage() -> None:
    circuit, clock = half_open()
    probe = circuit.claim()
    assert probe is not None
    clock.now += 10
    circuit.judge(probe, FAULT, 10.0)
    assert circuit.left == 10


def test_a_late_verdict_of_an_earlier_round_does_not_count() -> None:
    circuit, clock = half_open()
    first, second = circuit.claim(), circuit.claim()
    assert first is not None
    assert second is not None
    circuit.judge(first, FAULT, 0.0)
    circuit.judge(second, FAULT, 0.0)
    circuit.release(second)
    assert circuit.left == 20
    clock.now += 20
    assert [circuit.claim() is None for _ in range(4)] == [False, False, False, True]


def test_late_faults_of_before_do_not_touch_an_open_circuit() -> None:
    circuit, clock = a_circuit()
    circuit.enter()
    send(circuit, *[FAULT] * 5)
    clock.now += 5
    circuit.leave(FAULT, 9.0)
    assert circuit.left == 5


def test_while_in_doubt_no_more_go_out_than_it_takes_to_open() -> None:
    circuit, _ = a_circuit()
    for _ in range(8):
        circuit.enter()
    assert not circuit.doubtful
    circuit.leave(FAULT, 0.1)
    assert circuit.doubtful
    for _ in range(4):
        circuit.leave(FAULT, 0.1)
    assert (state(circuit), circuit.doubtful) == ("open", False)


def test_a_success_ends_the_doubt() -> None:
    circuit, _ = a_circuit()
    for _ in range(8):
        circuit.enter()
    circuit.leave(FAULT, 0.1)
    circuit.leave(SUCCESS, 0.1)
    assert not circuit.doubtful


def word(epoch: int, *, is_open: bool, retry_in: float = 3.0) -> BreakerNotice:
    return BreakerNotice(epoch, is_open, retry_in, 20.0, 1)


def test_it_believes_the_others() -> None:
    circuit, clock = a_circuit()
    send(circuit, *[FAULT] * 4)
    circuit.adopt(word(7, is_open=False))
    send(circuit, FAULT)
    assert state(circuit) == "open", "the first word heard takes nothing away"
    circuit.adopt(word(8, is_open=True))
    assert (circuit.left, circuit.wait, circuit.epoch) == (3.0, 20.0, 8)
    clock.now += 1
    circuit.adopt(word(8, is_open=True))
    assert circuit.left == 2.0, "the same word changes nothing"
    circuit.adopt(word(9, is_open=False))
    assert state(circuit) == "closed"
    send(circuit, *[FAULT] * 4)
    circuit.adopt(word(10, is_open=False))
    send(circuit, *[FAULT] * 4)
    assert state(circuit) == "closed", "a reset forgets the faults"


class CircuitMachine(RuleBasedStateMachine):
    """Whatever happens in whatever order: the promises of the contract."""

    @initialize()
    def start(self) -> None:
        self.clock = Clock()
        self.circuit = CircuitState(RULES, self.clock)
        self.flying = 0
        self.probes: list[tuple[int, float]] = []
        self.streak = 0
        self.opened_at = 0.0
        self.was = "closed"

    @precondition(lambda self: state(self.circuit) == "closed" and not self.circuit.doubtful)
    @rule()
    def go(self) -> None:
        self.circuit.enter()
        self.flying += 1

    @precondition(lambda self: self.flying)
    @rule(outcome=st.sampled_from(Outcome), seconds=st.sampled_from([0.1, 6.0]))
    def back(self, outcome: Outcome, seconds: float) -> None:
        counted = state(self.circuit) == "closed"
        self.flying -= 1
        self.circuit.leave(outcome, seconds)
        if counted and outcome is not NEUTRAL:
            self.streak = self.streak + 1 if outcome is FAULT else 0
        if counted and state(self.circuit) == "open":
            assert self.circuit.left == RULES.wait
            self.opened_at = self.clock.now
        if self.streak >= RULES.failures:
            assert state(self.circuit) == "open"

    @rule(seconds=st.sampled_from([0.5, 5.0, 11.0, 61.0]))
    def wait(self, seconds: float) -> None:
        self.clock.now += seconds

    @precondition(lambda self: state(self.circuit) == "half_open")
    @rule()
    def probe(self) -> None:
        turn = self.circuit.claim()
        out = [probe for probe, _ in self.probes if probe == self.circuit.round]
        if turn is None:
            assert out or self.circuit._successes
        else:
            self.probes.append((turn, self.clock.now))
            assert len(out) < RULES.probes

    @precondition(lambda self: self.probes)
    @rule(outcome=st.sampled_from(Outcome), which=st.integers(0, 2))
    def verdict(self, outcome: Outcome, which: int) -> None:
        turn, began = self.probes.pop(which % len(self.probes))
        before = state(self.circuit)
        current = turn == self.circuit.round
        self.circuit.judge(turn, outcome, self.clock.now - began)
        if current and outcome is FAULT:
            assert state(self.circuit) != "closed"
            assert self.circuit.left <= RULES.longest_wait
        if not current:
            assert state(self.circuit) == before

    @invariant()
    def it_never_stays_shut_for_longer_than_a_minute(self) -> None:
        if hasattr(self, "circuit"):
            assert self.circuit.left <= RULES.longest_wait

    @invariant()
    def a_closed_circuit_has_few_faults_in_a_row(self) -> None:
        if hasattr(self, "circuit"):
            assert self.circuit._streak < RULES.failures
            if state(self.circuit) != "closed":
                self.streak = 0


TestCircuitMachine = CircuitMachine.TestCase
TestCircuitMachine.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
