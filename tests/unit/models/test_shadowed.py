import json
import os

from searchrank.models.shadowed import KEPT_SECONDS, MOST, ShadowFile, read_shadows

LIVE, SHADOW = ("taste", 1, "aa"), ("taste", 2, "bb")


def test_the_files_of_all_workers_are_read_together(tmp_path):
    for worker in range(3):
        file = ShadowFile(tmp_path)
        for _ in range(worker + 1):
            file.of("shop", LIVE, SHADOW).agreement.add("abc", "acb")
        file.of("plaza", LIVE, SHADOW).problem = "it fell over"
        file.write()
    told = {one.surface: one for one in read_shadows(tmp_path)}
    assert (told["shop"].agreement.lists, told["shop"].agreement.changed) == (6, 6)
    assert (told["shop"].live, told["shop"].shadow, told["shop"].problem) == (LIVE, SHADOW, "")
    assert told["plaza"].problem == "it fell over"


def test_a_damaged_file_is_passed_over(tmp_path, caplog):
    file = ShadowFile(tmp_path)
    file.of("shop", LIVE, SHADOW).agreement.add("ab", "ab")
    file.write()
    for number, content in enumerate(("", "[", "{}", "[1]", '[{"surface": "shop"}]', json.dumps([{"live": 3}]))):
        (tmp_path / f"{number}.json").write_text(content)
    assert [one.agreement.lists for one in read_shadows(tmp_path)] == [1]
    assert caplog.text.count("passed over") == 5  # an empty list of pairs is none
    assert read_shadows(tmp_path / "nowhere") == []


def test_old_files_and_old_pairs_go(tmp_path):
    old = tmp_path / "1-1.json"
    old.write_text("[]")
    long_ago = old.stat().st_mtime - KEPT_SECONDS - 60
    os.utime(old, (long_ago, long_ago))
    file = ShadowFile(tmp_path)
    for version in range(MOST + 5):
        file.of("shop", LIVE, ("taste", version, str(version)))
    file.write()
    assert not old.exists()
    versions = [one.shadow[1] for one in read_shadows(tmp_path)]
    assert sorted(versions) == list(range(5, MOST + 5))
