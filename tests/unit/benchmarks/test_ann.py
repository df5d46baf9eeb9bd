from pathlib import Path

from ann import run


def test_all_contenders_and_filters_are_measured_in_one_run(tmp_path: Path):
    figures = run(tmp_path, small=True)
    figures.pop("exact_ms")
    for share, told in figures.pop("filtered").items():
        assert told["recall@10"] >= 0.95, share
    assert set(figures) >= {"ours", "faiss", "usearch", "voyager"}
    for told in figures.values():
        assert set(told) == {"recall@10", "p50_ms", "p99_ms", "build_s", "bytes_per_vector"}
    assert figures["ours"]["recall@10"] >= 0.99
    assert figures["ours_f16"]["recall@10"] >= 0.98
    assert figures["ours_i8"]["bytes_per_vector"] < figures["ours_f16"]["bytes_per_vector"]
