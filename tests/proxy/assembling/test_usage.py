"""What uploads hold is counted for each client and in all."""

from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.proxy.assembling.settings import StoreSettings
from uploadfilter.proxy.assembling.usage import Holding, StoreUsage

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["begin", "take", "end", "is_now"]),
        st.sampled_from("abc"),
        st.integers(0, 9),
    )
)


@given(steps=STEPS)
def test_sums_are_those_of_the_uploads(steps: list[tuple[str, str, int]]) -> None:
    """Whatever happens, no byte is counted twice or lost."""
    usage = StoreUsage(StoreSettings(disk_total_bytes=20, disk_per_client_bytes=12))
    held: dict[str, int] = {}
    for step, name, size in steps:
        client = "x" if name == "a" else "y"
        match step:
            case "begin":
                assert usage.begin(name, client)
                held.setdefault(name, 0)
            case "take":
                of_client = [
                    n for it, n in held.items() if (it == "a") == (name == "a")
                ]
                fits = sum(held.values()) + size <= 20 and sum(of_client) + size <= 12
                assert usage.take(name, client, size) is fits
                if fits:
                    held[name] = held.get(name, 0) + size
            case "end":
                usage.end(name)
                held.pop(name, None)
            case _:
                usage.is_now(name, size)
                held.update({name: size} if name in held else {})
        assert (len(usage), usage.total_bytes) == (len(held), sum(held.values()))
    found = {name: Holding("x", size) for name, size in held.items()}
    usage.take_survey(found)
    assert usage.total_bytes == sum(held.values())
    assert usage.clients() == dict.fromkeys(held, "x")
