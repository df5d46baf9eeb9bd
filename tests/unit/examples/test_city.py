"""The city is the same every time, obeys its own truth, and can be learnt."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from examples.city import CitySize, truth_path, write_city
from examples.city.attraction import attraction
from examples.city.candidates import SHOWN, show
from examples.city.clicks import draw_outcome, examination
from examples.city.recent import REMEMBERED, remember
from examples.city.requests import EXPLORATION, draw_requests
from examples.city.size import Stream, random_stream
from examples.city.world import make_world
from searchrank.errors import ConfigError, ConflictError
from searchrank.events import EventLog, schema
from searchrank.features import FeatureSet, ModelInput
from searchrank.project import Project
from searchrank.workspace import Workspace

SIZE = CitySize(items=300, users=100, events=10_000, days=7)


def read(path):
    with pa.memory_map(str(path)) as source:
        return pa.ipc.open_file(source).read_all()


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    workspace = Workspace(tmp_path_factory.mktemp("city"))
    steps = []
    write_city(workspace, SIZE, lambda _, share: steps.append(share))
    assert steps[-1] == 1.0
    return workspace


@pytest.fixture(scope="module")
def events(city):
    return EventLog.open(city.events).table()


@pytest.fixture(scope="module")
def day():
    size = CitySize(items=2000, users=500, days=28, seed=3)
    world = make_world(size)
    requests = draw_requests(random_stream(size, Stream.DAY, 4), world, 4, 3000)
    recent = np.full((3000, REMEMBERED), -1)
    shown = show(random_stream(size, 9), world, requests, recent)
    return world, requests, recent, shown


def test_the_same_seed_gives_the_same_city_and_another_seed_another(city, events, tmp_path):
    write_city(Workspace(tmp_path / "a"), SIZE, lambda *_: None)
    again = Workspace(tmp_path / "a")
    assert EventLog.open(again.events).table().equals(events)
    assert read(truth_path(again)).equals(read(truth_path(city)))
    assert read(again.items).equals(read(city.items))
    other = CitySize(items=300, users=100, events=10_000, days=7, seed=8)
    assert not np.array_equal(make_world(other).places.km, make_world(SIZE).places.km)


def test_the_number_of_events_is_about_what_was_asked_for(events):
    assert len(events) == pytest.approx(SIZE.events, rel=0.1)


def test_a_workspace_with_events_is_refused(city):
    with pytest.raises(ConflictError, match="--home"):
        write_city(city, SIZE, lambda *_: None)


@pytest.mark.parametrize("wrong", [{"items": 10}, {"users": 1}, {"events": 10}, {"days": 1}, {"seed": -1}])
def test_a_size_that_makes_no_city_is_refused(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        CitySize(**wrong)


def test_the_log_holds_every_column_of_the_schema_and_the_definitions_parse(city, events):
    feature_set = FeatureSet.load(city.features)
    assert events.schema.equals(schema(feature_set).empty_table().select(events.column_names).schema)
    documents = ("item.", "user.")  # the city puts none through the log
    assert set(events.column_names) == {name for name in schema(feature_set).names if not name.startswith(documents)}
    project = Project.load(city)
    for text in project.models["city"].inputs:
        ModelInput.parse(text, feature_set)


def test_catalogue_and_profiles_have_every_declared_column(city):
    inputs = FeatureSet.load(city.features).inputs.values()
    for root, path in (("item", city.items), ("user", city.users)):
        declared = {i.name for i in inputs if i.root == root and i.statistic is None}
        assert declared <= set(read(path).column_names)


def test_each_request_is_one_search_before_its_impressions(events):
    kinds, requests = events.column("kind").to_pylist(), events.column("request_id").to_pylist()
    asked = set()
    for kind, request in zip(kinds, requests, strict=True):
        if kind == "search":
            asked.add(request)
        elif kind == "impression":
            assert request in asked
    assert len(asked) == kinds.count("search")


def test_events_are_logged_as_they_arrive_and_some_arrive_late(events):
    arrival = events.column("arrival_time").cast(pa.int64()).to_numpy()
    delay = arrival - events.column("event_time").cast(pa.int64()).to_numpy()
    assert (np.diff(arrival) >= 0).all()
    assert (delay > 0).all()
    assert (delay > 60 * 10**6).sum() > 0


def test_repeated_events_are_sent_and_dropped(events):
    numbers = pc.cast(pc.utf8_slice_codeunits(events.column("event_id"), 1), pa.int64()).to_numpy()
    assert len(np.unique(numbers)) == len(numbers)
    assert numbers.max() + 1 > len(numbers)


def test_the_truth_covers_every_impression(city, events):
    truth = read(truth_path(city))
    shown = events.filter(pc.equal(events.column("kind"), "impression"))
    pairs = [
        sorted(zip(t.column("request_id").to_pylist(), t.column("item_id").to_pylist(), strict=True))
        for t in (truth, shown)
    ]
    assert pairs[0] == pairs[1]
    probability = truth.column("attraction").to_numpy()
    assert ((probability > 0) & (probability < 1)).all()


def test_a_city_written_for_another_time_is_the_same_whole_weeks_later(city, events, tmp_path):
    end = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
    moved = Workspace(tmp_path)
    write_city(moved, SIZE, lambda *_: None, end=end)
    there = EventLog.open(moved.events).table()
    shift = pc.subtract(there.column("event_time"), events.column("event_time")).unique().to_pylist()
    assert [pc.subtract(there.column("arrival_time"), events.column("arrival_time")).unique().to_pylist()] == [shift]
    created = (read(place.items).column("item.created").cast(pa.int64()).to_numpy() for place in (moved, city))
    assert set(np.subtract(*created)) == {shift[0] // timedelta(microseconds=1)}
    assert len(shift) == 1
    assert shift[0] % timedelta(days=7) == timedelta()
    last_midnight = datetime(2025, 3, 9, 16, tzinfo=UTC) + shift[0]
    assert timedelta(hours=12) <= end - last_midnight < timedelta(days=7, hours=12)
    others = ["event_time", "arrival_time"]
    assert there.drop_columns(others).equals(events.drop_columns(others))


def test_what_arrives_after_the_end_is_not_in_the_log(tmp_path):
    end = datetime(2026, 3, 2, 4, tzinfo=UTC)  # half a day after a midnight in Shanghai that begins a Monday
    workspace = Workspace(tmp_path)
    size = CitySize(items=300, users=100, events=100_000, days=2)
    end += timedelta(days=size.days)
    write_city(workspace, size, lambda *_: None, end=end)
    arrivals = EventLog.open(workspace.events).table().column("arrival_time").to_pylist()
    assert end - timedelta(hours=10) < arrivals[-1] < end  # cancellations come in until the end


def test_an_end_needs_a_time_zone(tmp_path):
    with pytest.raises(ConfigError, match="end: a moment needs a time zone"):
        write_city(Workspace(tmp_path), SIZE, lambda *_: None, end=datetime(2026, 3, 1))  # noqa: DTZ001
    assert not list(tmp_path.iterdir())


def test_titles_are_in_two_scripts(city):
    titles = read(city.items).column("item.title")
    ascii_only = pc.string_is_ascii(titles).to_numpy().mean()
    assert 0.4 < ascii_only < 0.7


def test_nothing_is_shown_twice_or_before_it_exists(day):
    world, requests, _, shown = day
    assert shown.shape == (3000, SHOWN)
    ranked = np.sort(shown, axis=1)
    assert not ((ranked[:, 1:] == ranked[:, :-1]) & (ranked[:, 1:] >= 0)).any()
    assert (world.places.created[shown] <= requests.time[:, None])[shown >= 0].all()


def test_a_tenth_of_the_requests_explores_and_position_tells_nothing_there(day):
    world, requests, recent, shown = day
    share = requests.exploring.mean()
    assert abs(share - EXPLORATION) < 4 * np.sqrt(EXPLORATION * (1 - EXPLORATION) / len(requests.time))
    probability = attraction(world, requests, shown, recent)
    top, bottom = (probability[:, :5].mean(axis=1), probability[:, -5:].mean(axis=1))
    gap = top - bottom
    assert gap[~requests.exploring].mean() > 0.02
    exploring = gap[requests.exploring]
    assert abs(exploring.mean()) < 4 * exploring.std() / np.sqrt(len(exploring))


def test_clicks_follow_examination_times_attraction():
    probability = np.full((20_000, SHOWN), 0.3)
    outcome = draw_outcome(np.random.default_rng(1), probability)
    expected = 0.3 * examination(SHOWN)
    error = np.sqrt(expected * (1 - expected) / len(probability))
    assert (np.abs(outcome.clicked.mean(axis=0) - expected) < 4.5 * error).all()
    assert not (outcome.ordered & ~outcome.clicked).any()
    assert not (outcome.cancelled & ~outcome.ordered).any()
    assert (outcome.click_after > 0).all()


def test_habit_raises_attraction_and_nothing_shown_attracts_nobody(day):
    world, requests, recent, shown = day
    plain = attraction(world, requests, shown, recent)
    known = recent.copy()
    known[:, -1] = shown[:, 3]
    habit = attraction(world, requests, shown, known)
    assert (habit[:, 3] > plain[:, 3]).all()
    assert np.array_equal(np.delete(habit, 3, axis=1), np.delete(plain, 3, axis=1))
    assert (attraction(world, requests, np.full_like(shown, -1), recent) == 0).all()


def test_the_last_clicks_are_remembered_in_order():
    recent = np.full((2, REMEMBERED), -1)
    recent = remember(recent, np.array([1, 0, 1]), np.array([7, 8, 9]))
    assert recent.tolist() == [[-1] * 5 + [8], [-1] * 4 + [7, 9]]
    recent = remember(recent, np.zeros(8, np.int64), np.arange(8))
    assert recent.tolist() == [[2, 3, 4, 5, 6, 7], [-1] * 4 + [7, 9]]


def test_the_truth_orders_lists_far_better_than_fame(day):
    world, requests, recent, shown = day
    probability = attraction(world, requests, shown, recent)
    clicked = draw_outcome(np.random.default_rng(2), probability).clicked
    fame = world.places.popularity[shown]

    def share_of_clicks_in_the_first_five(score):
        best = np.argsort(-score, axis=1)[:, :5]
        return np.take_along_axis(clicked, best, 1).sum() / clicked.sum()

    oracle, popular = map(share_of_clicks_in_the_first_five, (probability, fame))
    assert oracle > popular + 0.25
