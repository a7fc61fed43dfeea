"""The policy of a memory budget: never too much, never a busy one, the least recently used first."""

from dataclasses import replace
from random import Random

import pytest

from playground.eviction import Evict, Fits, Resident, TooLarge, Wait, room_for


def test_what_fits_fits() -> None:
    assert room_for(4, [Resident("a", 6, 0.0)], 10) == Fits()


def test_the_least_recently_used_goes_first() -> None:
    residents = [Resident("new", 5, 9.0), Resident("old", 5, 1.0)]
    assert room_for(3, residents, 10) == Evict(("old",))
    assert room_for(9, residents, 10) == Evict(("old", "new"))


def test_a_busy_one_stays_and_is_named() -> None:
    residents = [Resident("a", 5, 1.0, busy=True), Resident("b", 5, 2.0)]
    assert room_for(5, residents, 10) == Evict(("b",))
    assert room_for(6, residents, 10) == Wait(("a",))


def test_nobody_goes_while_enough_is_leaving() -> None:
    residents = [Resident("a", 5, 1.0, leaving=True), Resident("b", 5, 0.0)]
    assert room_for(5, residents, 10) == Wait(("a",))


def test_more_than_the_machine_has_is_said_at_once() -> None:
    assert room_for(11, [], 10) == TooLarge()
    assert room_for(10, [], 10) == Fits()


class Machine:
    """A machine of random models that obeys the policy, as a host does."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.budget = random.randint(5, 40)
        self.residents: dict[str, Resident] = {}
        self.clock = 0.0

    def live(self) -> None:
        """Uses, finishes, or ends something."""
        self.clock += 1
        if not self.residents:
            return
        chosen = self.random.choice(list(self.residents.values()))
        if chosen.leaving:
            del self.residents[chosen.model]
        else:
            busy = self.random.random() < 0.4
            self.residents[chosen.model] = replace(chosen, busy=busy, last_used=self.clock)

    def ask(self, model: str, needs: int) -> Fits | Evict | Wait | TooLarge:
        """Brings ``model`` one step nearer, and checks the step."""
        before = list(self.residents.values())
        answer = room_for(needs, before, self.budget)
        if isinstance(answer, Fits):
            self.residents[model] = Resident(model, needs, self.clock)
        elif isinstance(answer, Evict):
            self.check_eviction(answer, needs, before)
            for name in answer.models:
                self.residents[name] = replace(self.residents[name], leaving=True)
        return answer

    def check_eviction(self, answer: Evict, needs: int, before: list[Resident]) -> None:
        gone = [self.residents[name] for name in answer.models]
        assert gone, "an eviction of nobody"
        assert not [one for one in gone if one.busy or one.leaving]
        used = [one.last_used for one in gone]
        assert used == sorted(used)
        stay = [one for one in before if not one.leaving and one not in gone]
        assert not [one for one in stay if not one.busy and one.last_used < used[-1]], "not the oldest"
        room = self.budget - sum(one.needs for one in stay)
        assert room >= needs, "sent away in vain"
        assert room - gone[-1].needs < needs, "one too many was sent away"


@pytest.mark.parametrize("seed", range(40))
def test_a_machine_never_holds_more_than_its_budget(seed: int) -> None:
    machine = Machine(random := Random(seed))
    sizes = {f"m{number}": random.randint(1, 20) for number in range(6)}
    seen: set[type] = set()
    for _ in range(400):
        machine.live()
        model = random.choice(list(sizes))
        if model not in machine.residents:
            answer = machine.ask(model, sizes[model])
            seen.add(type(answer))
            assert isinstance(answer, TooLarge) == (sizes[model] > machine.budget)
        assert sum(one.needs for one in machine.residents.values()) <= machine.budget
    assert Fits in seen


@pytest.mark.parametrize("seed", range(10))
def test_whoever_waits_gets_room_once_the_others_are_idle(seed: int) -> None:
    machine = Machine(random := Random(seed))
    for number in range(random.randint(1, 5)):
        machine.residents[f"m{number}"] = Resident(f"m{number}", 1, random.random(), busy=True)
    assert isinstance(machine.ask("last", machine.budget), Wait)
    for name, one in list(machine.residents.items()):
        machine.residents[name] = replace(one, busy=False)
    assert isinstance(machine.ask("last", machine.budget), Evict)
    machine.residents = {name: one for name, one in machine.residents.items() if not one.leaving}
    assert machine.ask("last", machine.budget) == Fits()
