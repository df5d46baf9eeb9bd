import numpy as np
from obd import compare


def write(folder, policy, shares, clicks, generator):
    """Write 3,000 views of four items, the same policy at each of three places."""
    target = folder / policy / "men"
    target.mkdir(parents=True)
    items, places = generator.choice(4, 3_000, p=shares), generator.integers(1, 4, 3_000)
    clicked = (generator.random(3_000) < np.array(clicks)[items]).astype(int)
    lines = [f"{i},{p},{c},{shares[i]}" for i, p, c in zip(items, places, clicked, strict=True)]
    (target / "men.csv").write_text("\n".join(["item_id,position,click,propensity_score", *lines]))


def test_each_policy_is_worth_from_the_log_of_the_other_what_it_earns(tmp_path):
    generator = np.random.default_rng(1)
    for policy, shares in (("random", [0.25] * 4), ("bts", [0.1, 0.1, 0.2, 0.6])):
        write(tmp_path, policy, shares, [0.1, 0.1, 0.1, 0.5], generator)
    for rows in compare(tmp_path, "men").values():
        for name in ("ips", "snips", "dr"):
            assert abs(rows[name][0] - rows["on policy"][0]) < 0.05 < abs(rows["its log"][0] - rows["on policy"][0])


def test_a_log_too_unlike_a_policy_is_refused(tmp_path):
    generator = np.random.default_rng(2)
    for policy, shares in (("random", [0.25] * 4), ("bts", [0.9997, 0.0001, 0.0001, 0.0001])):
        write(tmp_path, policy, shares, [0.5] * 4, generator)
    assert "refused" in compare(tmp_path, "men")["random"]
