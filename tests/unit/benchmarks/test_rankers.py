import json
import sys

import numpy as np
import rankers


def write(folder, name, seed, queries):
    generator = np.random.default_rng(seed)
    values, lines = generator.random((queries * 10, 2)), []
    for x, y in values:
        lines.append(f"{int(x > 0.8)} 1:{x:.3f} 2:{y:.3f}")
    (folder / name).write_text("\n".join(lines) + "\n")
    (folder / f"{name}.query").write_text("10\n" * queries)


def test_every_model_is_measured_in_one_run(tmp_path, monkeypatch, capsys):
    write(tmp_path, "rank.train", 0, 60)
    write(tmp_path, "rank.test", 1, 20)
    monkeypatch.setattr(sys, "argv", ["rankers.py", str(tmp_path), "--seeds", "1", "--seconds", "0", "--json"])
    rankers.main()
    models = json.loads(capsys.readouterr().out.splitlines()[-1])["models"]
    assert set(models) == {"forest", "lightgbm", "mlp", "dcn_v2"}
    for told in models.values():
        assert told["ndcg@10"] > 0.9
        assert told["us_a_candidate"] > 0
