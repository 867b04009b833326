"""The toy world's renderer: deterministic, and what is held back stays out of the base's world."""

import random

from lora_workbench.demo.world import creatures


def test_the_same_seed_gives_the_same_picture() -> None:
    first, second = (creatures.render(creatures.base_creature(7)).tobytes() for _ in range(2))
    assert first == second
    assert first != creatures.render(creatures.base_creature(8)).tobytes()


def test_own_tags_never_occur_in_the_base() -> None:
    seen = {tag for seed in range(500) for tag in creatures.tags_of(creatures.base_creature(seed))}
    for name in creatures.world()["held_back"]:
        assert not seen & {name, *creatures.own_tags(name)}


def test_context_tags_change_the_picture_of_every_body() -> None:
    for body in creatures.world()["body"]:
        plain = (("body", body), ("colour", "red body"), ("eyes", "big eyes"), ("mouth", "smile"), ("background", "snow"))
        bare = creatures.render(creatures.Creature(plain, seed=1)).tobytes()
        for kind in ("hat", "bow", "scarf", "boots"):
            tag = creatures.world()[kind][0]
            assert creatures.render(creatures.Creature((*plain, (kind, tag)), seed=1)).tobytes() != bare, (body, tag)


def test_a_held_back_creature_carries_name_own_and_context_tags() -> None:
    context = creatures.draw_context(random.Random(3))
    tags = creatures.tags_of(creatures.named_creature("zibbo", context, 1))
    assert tags[0] == "zibbo"
    assert set(creatures.own_tags("zibbo")) | set(context.values()) <= set(tags)
