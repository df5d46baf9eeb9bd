from pathlib import Path

import uvloop
from branches import configured
from branches_city import make_city
from fusion import measure

from predictor.serving import Serving


def test_what_half_of_the_requests_teach_is_judged_by_the_other_half(tmp_path: Path, capsys):
    serving = Serving(make_city(tmp_path, 150, configured()))
    serving.load()
    figures = uvloop.run(measure(serving.surface("places"), 120))
    serving.close()
    assert set(figures) == {f"{way}{name}" for way in ("", "rrf_", "p_") for name in ("ndcg@10", "recall@100")}
    assert 0 < figures["rrf_ndcg@10"] < 1
    told = capsys.readouterr().out
    assert "learnt from 60 requests" in told
    assert "with words" in told
