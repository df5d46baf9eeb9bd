from gate import World, trials


def test_a_planted_loss_is_blocked_and_noise_passes():
    found = trials(World.of(4_000), 3, 0.2)
    assert (found.passed, found.blocked, found.named) == (3, 3, 3)
