from geo import measure


def test_cells_find_what_a_scan_finds():
    figures = measure(2_000, 5)
    assert list(figures) == ["build_s", "p50_ms", "p99_ms", "scan_p50_ms"]
    assert all(value >= 0 for value in figures.values())
