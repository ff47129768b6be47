"""Each rule of a sync, broken on purpose: what is changed where, and which test catches it."""

from __future__ import annotations

from dataclasses import dataclass

CURRENT = "tests/integration/test_complete_and_current.py"
DELETIONS = "tests/integration/test_deletions.py"
POISON = "tests/integration/test_poison.py"
HOLES = "tests/unit/test_holes.py"
STEPS = "tests/unit/test_incremental.py"
TAGS = "tests/integration/test_page_etags.py"
UNCHANGED = "tests/integration/test_unchanged_pages.py"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One small patch: `old`, which stands once in `file`, becomes `new`; `test` then fails.

    `rule` is one of the sixteen of a sync; 17 stands for those who watch over the daemon.
    """

    name: str
    rule: int
    file: str
    old: str
    new: str
    test: str


MUTANTS = (
    Mutant(
        name="phases run in the order they were asked for",
        rule=1,
        file="rules/model.py",
        old="return tuple(phase for phase in SyncPhase if phase in phases)",
        new="return phases",
        test="tests/integration/test_runs.py",
    ),
    Mutant(
        name="a run that has begun a phase is joined",
        rule=2,
        file="rules/admission.py",
        old="and not running.phases_begun & set(request.phases)",
        new="",
        test="tests/unit/test_admission.py",
    ),
    Mutant(
        name="missed ticks are made up for",
        rule=3,
        file="rules/schedule.py",
        old="steps = max(1, int((now - self.grid) // self.interval))",
        new="steps = 1",
        test="tests/unit/test_schedule.py",
    ),
    Mutant(
        name="the time of a listing is that of its last page",
        rule=4,
        file="actors/tests_job.py",
        old="            as_of=self.reading.as_of,\n            end=",
        new="            as_of=self.clock.now(),\n            end=",
        test=f"{CURRENT}::test_an_interrupted_first_sync_goes_on_where_it_stopped",
    ),
    Mutant(
        name="a listing with a gap is complete",
        rule=4,
        file="storage/cursor_rows.py",
        old='"complete": ended and not gaps,',
        new='"complete": ended,',
        test=f"{POISON}::test_bad_rows_keep_the_product_partial_until_they_heal",
    ),
    Mutant(
        name="an incremental listing counts as a full one",
        rule=4,
        file="actors/tests_job.py",
        old="end=ListingEnd.END if is_end else ListingEnd.JOINED,",
        new="end=ListingEnd.END,",
        test=f"{CURRENT}::test_what_is_new_at_the_head_is_found_incrementally_and_what_is_deep_by_a_full_listing",
    ),
    Mutant(
        name="pages are taken without overlap",
        rule=5,
        file="rules/listing.py",
        old="            return has_overlap\n",
        new="            return True\n",
        test="tests/unit/test_listing.py::test_rows_deleted_above_make_the_reader_step_back",
    ),
    Mutant(
        name="a resumed listing does not read the head again",
        rule=5,
        file="rules/listing.py",
        old="if goal is Reading.COMPLETE and self._resumed:",
        new="if False:",
        test=f"{HOLES}::test_an_interrupted_listing_goes_on_and_joins_up_at_the_head",
    ),
    Mutant(
        name="an interrupted listing begins anew",
        rule=5,
        file="rules/planning.py",
        old="return same and now - began <= oldest",
        new="return False",
        test=f"{CURRENT}::test_an_interrupted_first_sync_goes_on_where_it_stopped",
    ),
    Mutant(
        name="rows of an unfinished listing are known",
        rule=6,
        file="storage/listing_state.py",
        old="AND t.listed_in IS NOT c.open_listing AND t.listed_in IS NOT c.resume_listing",
        new="",
        test="tests/integration/test_listing_state.py",
    ),
    Mutant(
        name="rows that no listing vouches for are known",
        rule=6,
        file="storage/mirror_rows.py",
        old="    listed_in = None if page.listing is None else page.listing.id\n",
        new="    listed_in = 1 if page.listing is None else page.listing.id\n",
        test="tests/integration/test_listing_state.py",
    ),
    Mutant(
        name="the first known page ends the listing",
        rule=6,
        file="rules/stops.py",
        old="        self._page_is_known = self._known_rows >= page\n        return False\n",
        new="        return self._known_rows >= page\n",
        test=f"{STEPS}::test_an_unknown_row_on_the_safety_page_goes_on",
    ),
    Mutant(
        name="a list out of order is trusted",
        rule=6,
        file="rules/stops.py",
        old="            return self.ordered\n",
        new="            return True\n",
        test=f"{STEPS}::test_a_list_out_of_order_is_read_to_its_end",
    ),
    Mutant(
        name="a short page is the end",
        rule=6,
        file="rules/listing.py",
        old="if answered < window.per_page and beyond == 0 and as_expected:",
        new="if answered < window.per_page:",
        test="tests/unit/test_listing.py",
    ),
    Mutant(
        name="every row is rewritten",
        rule=7,
        file="rules/changes.py",
        old="r.content_hash != held[r.id].content_hash",
        new="True",
        test="tests/unit/test_changes.py",
    ),
    Mutant(
        name="a revived row counts as changed",
        rule=7,
        file="rules/changes.py",
        old="changed=sum(record.id not in self.revived for record in self.changed),",
        new="changed=len(self.changed),",
        test="tests/unit/test_changes.py",
    ),
    Mutant(
        name="an ETag is used whatever became of its rows",
        rule=7,
        file="rules/page_tags.py",
        old="!= tag.digest:",
        new="== ():",
        test="tests/unit/test_page_tags.py::test_any_change_of_a_row_makes_its_tag_useless",
    ),
    Mutant(
        name="an ETag is kept although its page has bad rows",
        rule=7,
        file="storage/page_tag_rows.py",
        old="    if page.tags and is_clean:",
        new="    if page.tags:",
        test=f"{TAGS}::test_while_records_cannot_be_read_no_tag_is_kept_or_used",
    ),
    Mutant(
        name="a row that was rewritten meanwhile is confirmed",
        rule=7,
        file="rules/changes.py",
        old="            and row.content_hash == rows[key].content_hash\n",
        new="",
        test=f"{TAGS}::test_a_row_that_was_rewritten_meanwhile_is_not_confirmed",
    ),
    Mutant(
        name="rows that were not sent are missing from their list",
        rule=8,
        file="rules/records.py",
        old="for row in (*self.records, *self.unchanged)",
        new="for row in self.records",
        test=f"{UNCHANGED}::test_where_nothing_is_new_nothing_is_sent_and_no_row_is_rewritten",
    ),
    Mutant(
        name="--force believes ETags",
        rule=14,
        file="actors/page_reader.py",
        old="asks=asks and keeps and not options.force,",
        new="asks=asks and keeps,",
        test=f"{UNCHANGED}::test_force_believes_no_tag_and_keeps_new_ones",
    ),
    Mutant(
        name="a 304 to a plain request is believed",
        rule=12,
        file="testio/transport.py",
        old="if response.status_code == 304 and ask.etag is not None:",
        new="if response.status_code == 304:",
        test="tests/contract/test_conditional.py",
    ),
    Mutant(
        name="any failure of a single fetch marks a test as gone",
        rule=8,
        file="actors/single_fetches.py",
        old="        except NotFound:\n",
        new="        except (NotFound, ServerError):\n",
        test=f"{DELETIONS}::test_a_test_is_gone_only_after_the_remote_says_so",
    ),
    Mutant(
        name="a test that the list lacks is gone",
        rule=8,
        file="actors/single_fetches.py",
        old="            records.append(client.get_test(test_id, product_id, scope))",
        new="            raise NotFound(str(scope))",
        test=f"{DELETIONS}::test_a_list_that_leaves_a_test_out_takes_nothing_away",
    ),
    Mutant(
        name="a feature is gone after one listing without it",
        rule=8,
        file="rules/deletions.py",
        old="if since is not None and (since != listing or confirming)",
        new="if True",
        test=f"{DELETIONS}::test_features_are_gone_after_two_listings_without_them",
    ),
    Mutant(
        name="there is no brake",
        rule=8,
        file="rules/deletions.py",
        old="    if missing == 0:",
        new="    if missing >= 0:",
        test=f"{DELETIONS}::test_the_brake_holds_an_empty_list_and_an_operator_lets_go",
    ),
    Mutant(
        name="holes are forgotten",
        rule=9,
        file="actors/tests_reading.py",
        old="return replace(page, holes=holes, probed_holes=fresh)",
        new="return page",
        test=f"{POISON}::test_one_poisonous_record_among_500",
    ),
    Mutant(
        name="a row beside a hole is taken for it",
        rule=9,
        file="rules/holes.py",
        old="                self._assumed.append(known)\n",
        new="",
        test=f"{HOLES}::test_a_row_inserted_beside_a_hole_is_read",
    ),
    Mutant(
        name="holes are never tried again",
        rule=9,
        file="actors/tests_job.py",
        old="            if not (is_due or self._options.force):",
        new="            if True:",
        test=f"{POISON}::test_one_poisonous_record_among_500",
    ),
    Mutant(
        name="an outage is a row of holes",
        rule=9,
        file="rules/holes.py",
        old="return len(self._open) > MAX_HOLES_IN_A_ROW or self.count > MAX_HOLES",
        new="return False",
        test=f"{HOLES}::test_a_remote_that_fails_on_everything_is_no_row_of_holes",
    ),
    Mutant(
        name="true is an id",
        rule=10,
        file="testio/payloads.py",
        old="return value if value.__class__ is int and 1 <= value <= MAX_ID else None",
        new="return value if isinstance(value, int) and 1 <= value <= MAX_ID else None",
        test="tests/contract/test_bad_rows.py",
    ),
    Mutant(
        name="partial is success",
        rule=11,
        file="rules/outcome.py",
        old="    if all(outcome is Outcome.COMPLETE for outcome in flat):",
        new="    if any(outcome is Outcome.COMPLETE for outcome in flat):",
        test="tests/unit/test_outcome.py",
    ),
    Mutant(
        name="a 404 is a server error",
        rule=12,
        file="testio/answers.py",
        old="    if status in (404, 410):\n",
        new="    if status in (410,):\n",
        test="tests/contract/test_client.py",
    ),
    Mutant(
        name="many sick tests of one product are an outage",
        rule=12,
        file="testio/client.py",
        old="        owner = path_of_tests(product_id) if product_id is not None else None\n",
        new="        owner = None\n",
        test="tests/contract/test_outage.py",
    ),
    Mutant(
        name="a chunk of a negative size is read",
        rule=13,
        file="testio/chunks.py",
        old="        if size < 0:\n",
        new="        if False:\n",
        test="tests/contract/test_sizes.py",
    ),
    Mutant(
        name="Retry-After parks nobody",
        rule=13,
        file="testio/transport.py",
        old="        self.gate.close_for(seconds)\n",
        new="",
        test="tests/contract/test_parking.py",
    ),
    Mutant(
        name="a run with --since moves the cursor",
        rule=14,
        file="actors/tests_job.py",
        old="        if self.mode is Mode.SINCE:\n            yield last\n",
        new="        if False:\n            yield last\n",
        test=f"{CURRENT}::test_since_for_one_run_lists_the_newest_and_moves_no_cursor",
    ),
    Mutant(
        name="any account may write into a mirror",
        rule=15,
        file="rules/account.py",
        old="        return Recognition.ADOPT\n    return Recognition.REFUSE\n",
        new="        return Recognition.ADOPT\n    return Recognition.ADOPT\n",
        test="tests/unit/test_account.py",
    ),
    Mutant(
        name="a fresh start that failed replaces the mirror",
        rule=16,
        file="rules/outcome.py",
        old="        usable.issuperset(by_product.values()) for by_product in outcomes.values()",
        new="        True for by_product in outcomes.values()",
        test="tests/integration/test_fresh_start.py",
    ),
    Mutant(
        name="what is too old is healthy",
        rule=17,
        file="rules/health.py",
        old="x[0] > limit",
        new="x[0] > 2 * limit",
        test="tests/unit/test_health.py",
    ),
    Mutant(
        name="any success ends all trouble",
        rule=17,
        file="rules/notifying.py",
        old="return now.periodic or (now.phases >= told.phases and now.scope.covers(told.scope))",
        new="return True",
        test="tests/unit/test_notifying.py",
    ),
    Mutant(
        name="the same trouble is told with every run",
        rule=17,
        file="rules/notifying.py",
        old="if told is not None and again and not _is_due(told, now.at, repeat_seconds):",
        new="if False and told is not None:",
        test="tests/unit/test_notifying.py",
    ),
    Mutant(
        name="what did not arrive is taken for told",
        rule=17,
        file="service/messenger.py",
        old='        self._count(self._channel.name, "failed")\n        return False',
        new='        self._count(self._channel.name, "failed")\n        return True',
        test="tests/integration/test_messenger.py",
    ),
)
