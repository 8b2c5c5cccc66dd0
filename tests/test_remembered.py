"""What a process remembers: the latest, and no more than it should."""

from hub.remembered import Remembered


def test_what_was_asked_for_least_lately_is_forgotten():
    memory = Remembered[str, int](2)
    memory.put("one", 1)
    memory.put("two", 2)
    assert memory.get("one") == 1
    memory.put("three", 3)
    assert [memory.get(key) for key in ("one", "two", "three")] == [1, None, 3]


def test_what_is_put_again_is_the_later():
    memory = Remembered[str, int](2)
    memory.put("one", 1)
    memory.put("one", 2)
    assert memory.get("one") == 2
