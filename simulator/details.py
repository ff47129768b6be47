"""What is made up only when asked for: a test's analytics and its bugs."""

from random import Random

from simulator import vocabulary as words
from simulator.generator import NEWEST_END
from simulator.rows import JsonObject

MOST_BUGS = 4
"""The largest number of bugs of one test."""


def analytics(seed: int, test_id: int) -> JsonObject:
    """Execution metrics of one test; the same for the same seed and id."""
    dice = Random(f"analytics/{seed}/{test_id}")  # nosec B311 # invents the same data again
    testers = dice.randint(3, 40)
    return {
        "invited_testers": testers * 4,
        "active_testers": testers,
        "bugs_reported": len(bugs(seed, test_id)),
        "execution_minutes": testers * dice.randint(20, 90),
    }


def bugs(seed: int, test_id: int) -> list[JsonObject]:
    """Up to four bugs of one test; the same for the same seed and id."""
    dice = Random(f"bugs/{seed}/{test_id}")  # nosec B311 # invents the same data again
    numbers = range(dice.randint(0, MOST_BUGS))
    # Ten ids to a test: unique in the account as test ids are, without a counter to keep.
    return [_bug(dice, test_id * 10 + number, test_id) for number in numbers]


def _bug(dice: Random, bug_id: int, test_id: int) -> JsonObject:
    thing, place = dice.choice(words.THINGS), dice.choice(words.PLACES)
    bug = {
        "id": bug_id,
        "title": f"The {thing} vanish {dice.choice(words.QUALITIES)}",
        "severity": dice.choice(words.SEVERITIES),
        "known": dice.random() < 0.2,
        "language": dice.choice(words.LANGUAGES),
        "location": dice.choice(words.COUNTRIES),
        "expected_result": f"All {thing} stay where they are.",
        "actual_result": f"The {thing} are gone until {place} is opened again.",
        "steps": [f"Open {place}", f"Choose {thing}", "Go back"],
        "exported_at": dice.choice((None, NEWEST_END.isoformat())),
    }
    status = dice.choice(words.BUG_STATUSES)
    if status is not None:
        bug["status"] = status
    if status == "accepted":
        bug["auto_accepted"] = dice.random() < 0.3
    return bug | {"test": {"id": test_id}}
