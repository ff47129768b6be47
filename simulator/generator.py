"""Makes plausible rows from a seed; the same calls in the same order give the same rows."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from random import Random
from typing import TypeVar

from simulator import vocabulary as words
from simulator.rows import JsonObject

T = TypeVar("T")

NEWEST_END = datetime(2026, 6, 30, 12, 0, tzinfo=UTC)
"""About when the newest generated tests end; fixed, as a clock would break determinism."""
FIRST_IDS = {"product": 1_200, "section": 4_100, "feature": 21_000, "story": 90_000, "test": 51_000}
FIRST_IDS |= {"environment": 7_300, "test_feature": 300_000}
LARGEST_GAP = 9


class Generator:
    """An endless source of rows with ids that are unique by kind and never contiguous."""

    def __init__(self, seed: int) -> None:
        self._random = Random(f"account/{seed}")  # nosec B311 # invents the same data again
        self._last_ids = dict(FIRST_IDS)

    def product(self, *, sections: int, default_in_list: bool = True) -> JsonObject:
        """A product with a default section and `sections` others.

        With `default_in_list` false the others stand only in `sections_with_default`.
        """
        default = {"id": self._id("section"), "name": "Default section"}
        names = self._random.sample(words.SECTIONS, sections)
        others = [{"id": self._id("section"), "name": name} for name in names]
        product = {
            "id": self._id("product"),
            "name": " ".join(map(self._pick, words.PRODUCTS)),
            "description": self._pick((None, f"For every {self._pick(words.ROLES)}.")),
            "default_section_id": default["id"],
            "sections": others if default_in_list else [],
            "sections_with_default": [default, *others],
            "connection": None,
        }
        kind = self._pick(words.PRODUCT_TYPES)
        return product if kind is None else {**product, "product_type": kind}

    def feature(self, section_ids: Sequence[int]) -> JsonObject:
        """A feature in one or two of the sections; without any it has no `section_ids`."""
        thing = self._pick(words.THINGS)
        feature_id = self._id("feature")
        feature = {
            "id": feature_id,
            "title": f"{self._pick(words.ACTIONS)} {thing}",
            "description": f"Covers {thing} {self._pick(words.QUALITIES)}.",
            "howtofind": f"Open {self._pick(words.PLACES)}, then choose {thing}.",
            "user_stories": [self.story(feature_id) for _ in range(self._random.randint(0, 3))],
        }
        if section_ids:
            count = min(len(section_ids), self._random.randint(1, 2))
            feature["section_ids"] = sorted(self._random.sample(list(section_ids), count))
        return feature

    def story(self, feature_id: int, title: str | None = None) -> JsonObject:
        """A user story as an object; the title is made up unless given."""
        story_id = self._id("story")
        path = f"/features/{feature_id}/user_stories/{story_id}"
        wish = f"{self._pick(words.ACTIONS).lower()} {self._pick(words.THINGS)}"
        made_up = f"As a {self._pick(words.ROLES)} I can {wish}"
        return {"id": story_id, "path": path, "title": title or made_up, "feature_id": feature_id}

    def test(
        self,
        product: JsonObject,
        features: Sequence[JsonObject],
        *,
        end: datetime,
        status: str,
    ) -> JsonObject:
        """A test of `product` that ends at `end` and looks at some of `features`."""
        action, thing = self._pick(words.ACTIONS), self._pick(words.THINGS)
        title = f"{action} {thing} {self._pick(words.QUALITIES)}"
        duration = self._pick(words.DURATIONS)
        count = min(len(features), self._random.randint(1, 3))
        return {
            "id": self._id("test"),
            "title": title,
            "test_title": title,
            "status": status,
            "review_status": self._pick(words.REVIEW_STATUSES),
            "testing_type": self._pick(words.TESTING_TYPES),
            "duration": duration,
            "start_at": self._time(end - timedelta(hours=duration or 12)),
            "end_at": self._time(end),
            "enable_low": self._chance(0.8),
            "enable_high": True,
            "enable_critical": True,
            "created_by": self._person(),
            "submitted_by": self._pick((None, self._person())),
            "product": {"id": product["id"], "name": product["name"]},
            "test_environment": self._environment(),
            "requirements": [self._requirement() for _ in range(self._random.randint(1, 2))],
            "features": [self._tested(f) for f in self._random.sample(list(features), count)],
            **self._texts(action, thing),
        }

    def _texts(self, action: str, thing: str) -> JsonObject:
        place, role = self._pick(words.PLACES), self._pick(words.ROLES)
        skipped = self._pick(words.THINGS)
        return {
            "goal_text": f"Find out whether a {role} can {action.lower()} {thing} without help.",
            "instructions_text": f"Begin at {place} as a {role}. Try {thing} of every size, "
            f"{self._pick(words.QUALITIES)}, and note each step that surprises you.",
            "out_of_scope_text": self._pick((None, f"Leave {skipped} alone; they are in work.")),
        }

    def _tested(self, feature: JsonObject) -> JsonObject:
        kept = {key: feature[key] for key in ("title", "description", "howtofind")}
        return {
            "id": self._id("test_feature"),
            "feature_id": feature["id"],
            **kept,
            "user_stories": [story["title"] for story in feature["user_stories"]],
            "enable_default": True,
            "enable_content": self._chance(0.3),
            "enable_visual": self._chance(0.5),
        }

    def _environment(self) -> JsonObject:
        number = self._id("environment")
        locked = self._chance(0.5)
        return {
            "id": number,
            "title": self._pick(("Staging", "Preview", "Production")),
            "url": f"https://stage-{number}.example.com/",
            "username": f"tester-{number}" if locked else None,
            "password": f"open-sesame-{number}" if locked else None,
        }

    def _requirement(self) -> JsonObject:
        category, key = self._pick(words.CATEGORIES)
        system, name = self._pick(words.OPERATING_SYSTEMS)
        return {
            "category": {"id": category, "key": key},
            "operating_system": {"id": system, "name": name},
            "min_operating_system_version": None,
        }

    def _time(self, moment: datetime) -> str:
        offset = timezone(timedelta(hours=self._pick(words.OFFSET_HOURS)))
        return moment.astimezone(offset).isoformat()

    def _person(self) -> str:
        return f"{self._pick(words.GIVEN_NAMES)} {self._pick(words.FAMILY_NAMES)}"

    def _id(self, kind: str) -> int:
        # At least 2, so that no two neighbours are contiguous.
        self._last_ids[kind] += self._random.randint(2, LARGEST_GAP)
        return self._last_ids[kind]

    def _pick(self, choices: Sequence[T]) -> T:
        return choices[int(self._random.random() * len(choices))]

    def _chance(self, probability: float) -> bool:
        return self._random.random() < probability
