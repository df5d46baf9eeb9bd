from __future__ import annotations

from searchrank.state.circuit import Circuit


def test_it_opens_after_failures_in_a_row_and_closes_with_an_answer():
    circuit = Circuit(failures=2)
    circuit.fail("slow")
    circuit.succeed()
    circuit.fail("slow")
    assert not circuit.is_open
    circuit.fail("gone")
    assert (circuit.is_open, circuit.reason) == (True, "gone")
    circuit.succeed()
    assert not circuit.is_open


def test_probes_come_less_and_less_often():
    now = [0.0]
    circuit = Circuit(failures=1, least=1.0, most=5.0, clock=lambda: now[0])
    circuit.fail("gone")
    probes = []
    for tenth in range(300):
        now[0] = tenth / 10
        if circuit.take_probe():
            probes.append(now[0])
            circuit.fail("still gone")
    assert probes == [1.0, 3.0, 7.0, 12.0, 17.0, 22.0, 27.0]


def test_a_closed_circuit_is_not_probed():
    circuit = Circuit(failures=1)
    assert not circuit.take_probe()
