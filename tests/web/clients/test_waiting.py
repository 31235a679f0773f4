"""Which answers end if many wait for their clients, against a slow obvious twin."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.web.clients.waiting import (
    LOOK_EVERY_S,
    Waiter,
    Waiters,
)


class Download:
    """An answer with a known rate; it notes that it was broken off."""

    def __init__(
        self, network: str, rate: float | None, *, is_stream: bool = False
    ) -> None:
        self.network = network
        self.rate = rate
        self.is_stream = is_stream
        self.is_ended = False

    def is_waiting(self) -> bool:
        """A stream waits for its origin."""
        return not self.is_stream

    def slow_rate(self) -> float | None:
        """Return the rate."""
        return self.rate

    def break_off(self) -> None:
        """Note the end, which comes once."""
        assert not self.is_ended
        self.is_ended = True


class Waiting:
    """Answers that wait, of which more than four are too many."""

    MOST = 4

    def __init__(self) -> None:
        self.ends = 0
        self.answers = Waiters(self._note)

    def _note(self) -> None:
        self.ends += 1

    def add(self, answer: Waiter, *, now_s: float = 0.0) -> None:
        """Add an answer."""
        self.answers.add(answer, most=self.MOST, now_s=now_s)


def test_slowest_of_the_network_with_the_most_ends() -> None:
    """Others go on, even slower ones, and so does the new one."""
    waiting = Waiting()
    many = [Download("a", rate) for rate in (30.0, 10.0, 20.0)]
    other = Download("b", 1.0)
    for answer in (*many, other):
        waiting.add(answer)
    new = Download("a", 0.0)
    waiting.add(new)

    assert [answer.is_ended for answer in many] == [False, True, False]
    assert not other.is_ended
    assert not new.is_ended
    assert (waiting.ends, len(waiting.answers)) == (1, 4)


def test_answers_that_are_not_slow_never_end() -> None:
    """Many people may download at the same time."""
    waiting = Waiting()
    answers = [Download("a", None) for _ in range(20)]
    for answer in answers:
        waiting.add(answer, now_s=1e6)

    assert not any(answer.is_ended for answer in answers)
    assert len(waiting.answers) == 20


def test_streams_of_events_do_not_count() -> None:
    """However many there are, a phone without a network for seconds goes on."""
    waiting = Waiting()
    phones = [Download("a", 0.0) for _ in range(3)]
    for answer in (*phones, *(Download("b", None, is_stream=True) for _ in range(9))):
        waiting.add(answer)
    waiting.add(Download("c", None), now_s=1.0)
    assert waiting.ends == 0

    waiting.add(Download("c", None), now_s=2.0)
    assert waiting.ends == 1
    assert sum(phone.is_ended for phone in phones) == 1


def test_answers_are_not_looked_at_for_each_new_one() -> None:
    """A client that causes thousands must not cost a search each."""
    waiting = Waiting()
    for _ in range(8):
        waiting.add(Download("a", 1.0), now_s=1.0)
    assert waiting.ends == 1

    waiting.add(Download("a", 1.0), now_s=1.0 + LOOK_EVERY_S)
    assert waiting.ends == 5
    assert len(waiting.answers) == 4


def test_answer_that_has_ended_is_forgotten() -> None:
    """Its place is free, and it is not broken off."""
    waiting = Waiting()
    answers = [Download("a", 1.0) for _ in range(4)]
    for answer in answers:
        waiting.add(answer)
    waiting.answers.remove(answers[0])
    waiting.answers.remove(answers[0])
    waiting.add(Download("b", 1.0))

    assert waiting.ends == 0


rates = st.none() | st.integers(0, 5).map(float)


@given(st.lists(st.tuples(st.sampled_from("abc"), rates), min_size=4, max_size=12))
def test_ends_are_those_of_a_slow_twin(made: list[tuple[str, float | None]]) -> None:
    """One after the other: the network with the most slow ones, its slowest one."""
    waiting = Waiting()
    waiting.MOST = 100
    answers = [Download(network, rate) for network, rate in made]
    for answer in answers:
        waiting.add(answer)
    waiting.MOST = 4
    waiting.add(Download("new", None))

    left = [answer for answer in answers if answer.rate is not None]
    ended: list[Download] = []
    while left and len(ended) < len(answers) + 1 - 4:
        count = Counter(answer.network for answer in left)
        most = [it for it in left if count[it.network] == max(count.values())]
        ended.append(min(most, key=lambda it: (it.rate, answers.index(it))))
        left.remove(ended[-1])
    assert {it for it in answers if it.is_ended} == set(ended)
