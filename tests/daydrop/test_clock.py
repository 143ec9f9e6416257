"""Rows carry a wall clock that does not jump."""

from daydrop.clock import Clock


class World:
    wall = 1_000_000.0
    up = 0.0


def clock() -> Clock:
    return Clock(lambda: World.wall, lambda: World.up)


def test_it_goes_with_the_wall_clock():
    watch = clock()
    World.wall += 100
    World.up += 100
    assert watch.now() == World.wall


def test_a_jump_forward_ends_nothing():
    watch = clock()
    before = watch.now()
    World.wall += 5 * 365 * 86400
    World.up += 10
    assert watch.now() == before + 15


def test_a_jump_back_keeps_time_going_forward():
    watch = clock()
    before = watch.now()
    World.wall -= 3600
    World.up += 10
    assert watch.now() == before + 5


def test_a_jump_is_taken_up_in_time():
    watch = clock()
    World.wall += 60
    for _ in range(20):
        World.wall += 10
        World.up += 10
        now = watch.now()
    assert now == World.wall
