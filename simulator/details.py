"""What is made up only when asked for: a test's execution metrics and its bugs."""

from collections.abc import Mapping
from random import Random

from simulator import vocabulary as words
from simulator.generator import NEWEST_END
from simulator.rows import JsonObject

MOST_BUGS = 4
"""The largest number of bugs of one test."""


def with_metrics(
    seed: int, test: JsonObject, stories: Mapping[tuple[int, str], JsonObject] | None
) -> JsonObject:
    """A single test, with its execution metrics; the same for the same seed and test.

    `stories`: user stories as objects, by feature and title; None leaves them as they are.
    """
    dice = Random(f"analytics/{seed}/{test['id']}")  # nosec B311 # invents the same data again
    found = [bug["id"] for bug in bugs(seed, test["id"])]
    features = [_executed(dice, feature, found, stories) for feature in test["features"]]
    told = {**test, "features": [feature for feature, _ in features]}
    return {**told, "analytics": _analytics(dice, features, len(found))}


Executed = tuple[JsonObject, list[str]]
"""A feature with its metrics, and the states of its user stories."""


def _executed(
    dice: Random,
    feature: JsonObject,
    found: list[int],
    stories: Mapping[tuple[int, str], JsonObject] | None,
) -> Executed:
    here = [bug for bug in found if dice.random() < 0.5]
    metrics = {
        "execution_status": dice.choice(words.EXECUTION_STATUSES),
        "tester_count": dice.randint(0, 12),
        "bugs_found": len(here),
        "bug_ids": here,
    }
    told = [_executed_story(dice, feature, title, stories) for title in feature["user_stories"]]
    statuses = [story["execution_status"] for story in told]
    texts = feature["user_stories"]
    return {**feature, **metrics, "user_stories": texts if stories is None else told}, statuses


def _executed_story(
    dice: Random,
    feature: JsonObject,
    title: str,
    stories: Mapping[tuple[int, str], JsonObject] | None,
) -> JsonObject:
    number, owner = dice.randint(10**6, 10**7), feature["feature_id"]
    # A story that the feature has no more still stands in the test.
    gone = {"id": number, "path": title, "title": title, "feature_id": owner}
    return {
        **(stories or {}).get((owner, title), gone),
        "user_story_version_id": number,
        "execution_status": dice.choice(words.EXECUTION_STATUSES),
        "tested_by_count": dice.randint(0, 12),
        "bugs_found": 0,
        "bug_ids": [],
    }


def _analytics(dice: Random, features: list[Executed], bugs_found: int) -> JsonObject:
    of_features = [feature["execution_status"] for feature, _ in features]
    of_stories = [status for _, statuses in features for status in statuses]
    testers = dice.randint(3, 40)
    return {
        "testers_count": testers,
        "devices_count": testers + dice.randint(0, 5),
        "total_features": len(of_features),
        "tested_features": len(of_features) - of_features.count("not_tested"),
        "passed_features": of_features.count("passed"),
        "failed_features": of_features.count("failed"),
        "total_user_stories": len(of_stories),
        "tested_user_stories": len(of_stories) - of_stories.count("not_tested"),
        "passed_user_stories": of_stories.count("passed"),
        "failed_user_stories": of_stories.count("failed"),
        "blocked_user_stories": of_stories.count("blocked"),
        "total_bugs": bugs_found,
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
    return bug | {"test": {"id": test_id}, "test_environment": _environment(bug_id, test_id)}


def _environment(bug_id: int, test_id: int) -> JsonObject:
    """Where the bug was found; as in a test, with what lets a tester in."""
    return {
        "id": test_id,
        "title": "Preview",
        "url": f"https://preview:open-sesame-{bug_id}@preview-{test_id}.example.com/",
        "username": f"tester-{bug_id}",
        "password": f"open-sesame-{bug_id}",
        "access": f"Ask for tester-{bug_id}",
    }
