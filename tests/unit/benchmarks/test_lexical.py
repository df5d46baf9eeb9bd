from pathlib import Path

from lexical import CONFIG, documents, measure

from recall.lexical.index import write_lexical, write_manifest


def test_both_contenders_find_the_same(tmp_path: Path):
    write_lexical(tmp_path, CONFIG, documents(300))
    write_manifest(tmp_path, CONFIG, 300)
    assert all(value > 0 for value in measure(tmp_path).values())
