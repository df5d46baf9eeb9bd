from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from searchrank.errors import ConfigError, DataError, NotFoundError, ReleaseRefusedError
from searchrank.features import Evaluator, Plan
from searchrank.models import Release, find_release, record_columns, releases, write_release
from searchrank.models.golden import compute, golden_table, raw_columns, sample
from searchrank.models.manifest import CARD, FILES, GOLDEN, MANIFEST, MODEL, Manifest, file_digest
from searchrank.native import library


@pytest.fixture
def folder(tmp_path, draft) -> Path:
    return write_release(tmp_path, draft)


def _reseal(folder: Path, **changes) -> None:
    """Make the manifest agree with files that were changed, as a careful forger would."""
    manifest = Manifest.read(folder)
    files = {name: file_digest(folder / name) for name in FILES}
    (folder / MANIFEST).chmod(0o644)
    (folder / MANIFEST).write_text(replace(manifest, files=files, **changes).to_text())


def _overwrite(path: Path, content: bytes) -> None:
    path.chmod(0o644)
    path.write_bytes(content)


def _golden(folder: Path) -> pa.Table:
    with pa.OSFile(str(folder / GOLDEN)) as file, pa.ipc.open_file(file) as reader:
        return reader.read_all()


def _put_golden(folder: Path, table: pa.Table) -> None:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    _overwrite(folder / GOLDEN, bytes(sink.getvalue()))
    _reseal(folder)


def test_a_release_opens_as_it_was_written(folder, draft, tmp_path):
    release = Release.open(folder)
    assert folder == tmp_path / "city" / f"1-{release.digest[:12]}"
    assert (release.name, release.version) == ("city", 1)
    assert release.feature_set.fingerprint == draft.feature_set.fingerprint
    assert release.plan.columns[:5] == ("price_log", "share", "eta", "category", "clicks")
    assert release.manifest.metrics == {"ndcg@10": 0.25}
    assert release.manifest.lineage == {"data": {"events": 1234}, "code": "abc"}
    assert {"cpu", "os", "python", "numpy"} <= set(release.manifest.environment)


def test_it_computes_what_was_computed_in_training(folder, draft, matrix):
    release = Release.open(folder)
    found = compute(raw_columns(draft.feature_set, draft.golden), release.evaluator, release.scorer)
    assert found.features.tobytes() == matrix.tobytes()


def test_its_folder_holds_exactly_the_files_of_the_format(folder):
    assert {path.name for path in folder.iterdir()} == {*FILES, MANIFEST}


def test_versions_count_up(tmp_path, draft):
    assert [Manifest.read(write_release(tmp_path, draft)).version for _ in range(3)] == [1, 2, 3]
    write_release(tmp_path, replace(draft, name="movies"))
    assert [(m.name, m.version) for _, m in releases(tmp_path)] == [
        ("city", 1),
        ("city", 2),
        ("city", 3),
        ("movies", 1),
    ]
    assert [m.name for _, m in releases(tmp_path, "movies")] == ["movies"]
    assert Manifest.read(find_release(tmp_path, "city", 2)).version == 2
    with pytest.raises(NotFoundError, match="there are: 1, 2, 3"):
        find_release(tmp_path, "city", 9)
    with pytest.raises(NotFoundError, match="searchrank train"):
        find_release(tmp_path, "shops", 1)


def test_a_damaged_neighbour_stops_neither_lists_nor_writers(tmp_path, draft, caplog):
    first = write_release(tmp_path, draft)
    _overwrite(first / MANIFEST, b"{}")
    second = write_release(tmp_path, draft)
    assert [m.version for _, m in releases(tmp_path)] == [2]
    assert "damaged" in caplog.text
    assert find_release(tmp_path, "city", 2) == second


def test_a_failed_draft_leaves_nothing_behind(tmp_path, draft):
    with pytest.raises(ConfigError, match="plain, finite JSON"):
        write_release(tmp_path, replace(draft, metrics={"ndcg": float("nan")}))
    assert [path.name for path in (tmp_path / "city").iterdir()] == [".lock"]


@pytest.mark.parametrize("name", ["", "City", "../city", "a/b", ".x", "x" * 64])
def test_a_name_that_is_no_folder_name_is_refused(tmp_path, draft, name):
    with pytest.raises(ConfigError, match="model's name"):
        write_release(tmp_path, replace(draft, name=name))


def test_a_draft_without_golden_rows_is_refused(tmp_path, draft):
    with pytest.raises(DataError, match="golden"):
        write_release(tmp_path, replace(draft, golden=draft.golden.slice(0, 0)))


def test_a_model_over_other_columns_is_refused(tmp_path, draft):
    with pytest.raises(DataError, match="model has 1 columns, the plan 8"):
        write_release(tmp_path, replace(draft, model='{"weights": [1]}'))
    with pytest.raises(DataError, match="unknown kind of scorer"):
        write_release(tmp_path, replace(draft, scorer="oracle"))


def test_scores_that_differ_from_the_training_library_are_refused(tmp_path, draft, matrix):
    release = Release.open(write_release(tmp_path, draft))
    reference = release.scorer.score(matrix)
    write_release(tmp_path, replace(draft, reference=reference))
    with pytest.raises(DataError, match="300 golden rows"):
        write_release(tmp_path, replace(draft, reference=reference[:-1]))
    reference[-1] = np.nextafter(reference[-1], 9)
    with pytest.raises(DataError, match="1 of 255 golden scores differ"):
        write_release(tmp_path, replace(draft, reference=reference))


def test_golden_rows_are_at_most_256_evenly_spaced_and_the_last_is_all_missing(folder, feature_set):
    table = _golden(folder)
    assert len(table) == 256
    last = table.select(list(feature_set.inputs)).slice(255).to_pylist()[0]
    assert set(last.values()) == {None}
    assert sample(3).tolist() == [0, 1, 2]
    rows = sample(1000)
    assert (rows.size, rows[0], rows[-1]) == (255, 0, 999)
    assert set(np.diff(rows).tolist()) == {3, 4}


@pytest.mark.parametrize("name", FILES)
def test_a_changed_file_is_named(folder, name):
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    _overwrite(folder / name, bytes(content))
    with pytest.raises(ReleaseRefusedError, match=f"{name} was changed"):
        Release.open(folder)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(ReleaseRefusedError, match=f"{name} cannot be read"):
        Release.open(folder)


def test_a_changed_manifest_is_noticed(folder):
    content = json.loads((folder / MANIFEST).read_text())
    content["metrics"]["ndcg@10"] = 0.99
    _overwrite(folder / MANIFEST, json.dumps(content).encode())
    with pytest.raises(ReleaseRefusedError, match="was changed"):
        Release.open(folder)


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff", b'{"digest": "x", "format": 1, "columns": 3}'])
def test_a_damaged_manifest_is_refused(folder, content):
    _overwrite(folder / MANIFEST, content)
    with pytest.raises(ReleaseRefusedError):
        Release.open(folder)


def test_a_later_format_says_so(folder):
    content = json.loads((folder / MANIFEST).read_text()) | {"format": 99}
    _overwrite(folder / MANIFEST, json.dumps(content).encode())
    with pytest.raises(ReleaseRefusedError, match="has format 99"):
        Release.open(folder)


def test_a_folder_that_is_not_there_is_not_found(tmp_path):
    with pytest.raises(NotFoundError, match="no release in"):
        Release.open(tmp_path / "nowhere")


def test_a_release_of_other_definitions_is_refused(folder):
    _reseal(folder, fingerprints=Manifest.read(folder).fingerprints | {"features": "0" * 64})
    with pytest.raises(ReleaseRefusedError, match="features mean something else here"):
        Release.open(folder)


def test_every_flipped_byte_of_a_golden_feature_is_found(folder):
    table = _golden(folder)
    cells = table.column("features").to_pylist()
    place = table.column_names.index("features")
    for row, byte in ((0, 0), (100, 7), (255, 5)):
        changed = list(cells)
        flipped = bytearray(changed[row])
        flipped[byte] ^= 1
        changed[row] = bytes(flipped)
        column = pa.array(changed, table.schema.field("features").type)
        _put_golden(folder, table.set_column(place, "features", column))
        name = Manifest.read(folder).columns[byte // 4]
        with pytest.raises(ReleaseRefusedError, match=f"column '{name}' of golden row {row} is .* was .*1 features"):
            Release.open(folder)


def test_a_golden_score_that_differs_in_its_last_bit_is_found(folder):
    table = _golden(folder)
    scores = table.column("score").to_numpy().copy()
    scores[17] = np.nextafter(scores[17], np.inf)
    _put_golden(folder, table.set_column(table.column_names.index("score"), "score", pa.array(scores)))
    with pytest.raises(ReleaseRefusedError, match=r"the score of golden row 17 is .* the same environment"):
        Release.open(folder)


def test_a_changed_raw_value_is_found(folder):
    table = _golden(folder)
    prices = table.column("item.price").to_pylist()
    prices[5] = 12.5
    _put_golden(folder, table.set_column(table.column_names.index("item.price"), "item.price", pa.array(prices)))
    with pytest.raises(ReleaseRefusedError, match="column 'price_log' of golden row 5"):
        Release.open(folder)


def test_a_refusal_shows_both_environments(folder):
    table = _golden(folder)
    scores = pa.array(table.column("score").to_numpy() + 1)
    _put_golden(folder, table.set_column(table.column_names.index("score"), "score", scores))
    made = dict(Manifest.read(folder).environment) | {"cpu": "abacus"}
    _reseal(folder, environment=made)
    with pytest.raises(ReleaseRefusedError, match=r"cpu abacus then, \w+ now"):
        Release.open(folder)


def test_another_model_with_the_same_proof_is_refused(folder):
    _overwrite(folder / MODEL, (folder / MODEL).read_bytes().replace(b"0.75", b"0.750001"))
    _reseal(folder)
    with pytest.raises(ReleaseRefusedError, match="the score of golden row"):
        Release.open(folder)


def test_an_operator_that_computes_otherwise_is_refused(folder):
    kernels = library()

    def swapped(operator):
        return kernels.address(_find("sqrt" if operator.name == "log1p" else operator.name, operator))

    with pytest.raises(ReleaseRefusedError, match="column 'price_log' of golden row"):
        Release.open(folder, address_of=swapped)
    Release.open(folder, address_of=lambda operator: kernels.address(operator.function))


def _find(name, operator):
    from searchrank.features import OPERATORS  # noqa: PLC0415

    return next(o.function for o in OPERATORS[name] if o.operands == operator.operands)


def test_statistics_are_proved_from_their_cells(tmp_path, draft, feature_set, matrix):
    raw = raw_columns(feature_set, draft.golden)
    rows = len(raw)
    for encoder in (feature_set.item_encoder, feature_set.request_encoder, feature_set.candidate_encoder):
        records = encoder.encode({n: raw.column(n) for n in encoder.inputs}, rows)
        for name, column in record_columns(encoder, records).items():
            raw = raw.set_column(raw.column_names.index(name), name, column)
    folder = write_release(tmp_path, replace(draft, golden=raw))
    assert _golden(folder).schema.field("user.recent_items").type == pa.list_(pa.int64())
    release = Release.open(folder)
    assert compute(raw, release.evaluator, release.scorer).features.tobytes() == matrix.tobytes()


def test_a_golden_column_of_another_type_is_refused(tmp_path, draft):
    place = draft.golden.column_names.index("item.price")
    wrong = draft.golden.set_column(place, "item.price", pa.array(["dear"] * len(draft.golden)))
    with pytest.raises(DataError, match=r"item\.price"):
        write_release(tmp_path, replace(draft, golden=wrong))


def test_absent_golden_columns_are_missing(tmp_path, draft):
    folder = write_release(tmp_path, replace(draft, golden=draft.golden.select(["item.price"])))
    table = _golden(folder)
    assert table.column("candidate.eta_min").null_count == len(table)
    Release.open(folder)


def test_the_card_tells_what_people_ask(folder):
    card = (folder / CARD).read_text()
    for words in ("# city, version 1", "| ndcg@10 | 0.25 |", "| price_log |", "events", "## Limits", "256 golden rows"):
        assert words in card


def test_a_moved_release_still_opens(folder, tmp_path):
    target = tmp_path / "elsewhere"
    shutil.copytree(folder, target)
    assert Release.open(target).digest == Release.open(folder).digest


def test_items_that_are_binned_wrongly_are_noticed_on_opening(folder, monkeypatch):
    kind = type(Release.open(folder).pair_scorer)
    prepare = kind.prepare
    monkeypatch.setattr(kind, "prepare", lambda self, columns: prepare(self, columns) ^ 1)
    with pytest.raises(ReleaseRefusedError, match="score with prepared items of golden row"):
        Release.open(folder)


def test_outcomes_survive_storage(feature_set, inputs, draft):
    plan = Plan.compile(feature_set, inputs)
    raw = raw_columns(feature_set, draft.golden)

    class Last:
        def score(self, columns):
            return columns[-1].astype(np.float64)

    outcome = compute(raw, Evaluator(plan), Last())
    table = golden_table(raw, outcome)
    from searchrank.models.golden import Outcome  # noqa: PLC0415

    again = Outcome.read(table, len(plan.columns))
    assert again.features.tobytes() == outcome.features.tobytes()
    assert again.scores.tobytes() == outcome.scores.tobytes()
    with pytest.raises(DataError, match="has 3 columns"):
        Outcome.read(table, 3)
