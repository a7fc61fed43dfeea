from __future__ import annotations

from inference.pace import Pace


def test_budget_settles_where_a_step_takes_the_wanted_time() -> None:
    pace = Pace(first=100, least=4, most=256, stretch=1.8)
    assert pace.budget(8, 8, fresh=False) == 100
    for _ in range(60):
        pace.note(0.040, rows=8, prompt_tokens=0)
        pace.note(
            0.040 + 0.001 * pace.budget(8, 8, fresh=False),
            rows=8,
            prompt_tokens=pace.budget(8, 8, fresh=False),
        )
    assert 31 <= pace.budget(8, 8, fresh=False) <= 33  # 0.8 * 40 ms at 1 ms a token


def test_budget_stays_within_its_bounds() -> None:
    slow, quick = (Pace(first=16, least=8, most=64) for _ in range(2))
    for pace, token in ((slow, 1.0), (quick, 1e-9)):
        pace.note(0.040, rows=1, prompt_tokens=0)
        pace.note(0.040 + 16 * token, rows=1, prompt_tokens=16)
    assert (slow.budget(1, 1, fresh=False), quick.budget(1, 1, fresh=False)) == (8, 64)


def test_one_stalled_step_counts_little() -> None:
    pace = Pace(first=32, least=1, most=1000)
    for _ in range(30):
        pace.note(0.040, rows=8, prompt_tokens=0)
        pace.note(0.060, rows=8, prompt_tokens=20)
    before = pace.budget(8, 8, fresh=False)
    pace.note(9.0, rows=8, prompt_tokens=0)
    assert before <= pace.budget(8, 8, fresh=False) <= 1.3 * before


def test_few_answers_beside_many_prompts_give_way_up_to_the_step_of_all() -> None:
    pace = Pace(first=32, least=1, most=1000, stretch=1.5)
    pace.note(0.020, rows=1, prompt_tokens=0)
    pace.note(0.060, rows=8, prompt_tokens=0)
    pace.note(0.080, rows=8, prompt_tokens=20)
    assert 29 <= pace.budget(8, 8, fresh=False) <= 31
    assert 69 <= pace.budget(1, 8, fresh=False) <= 71


def test_steps_without_answers_teach_nothing() -> None:
    pace = Pace(first=32, least=1, most=1000)
    pace.note(5.0, rows=0, prompt_tokens=512)
    assert pace.budget(4, 4, fresh=False) == 32


def test_the_rest_of_a_crowd_is_let_in_at_once_while_all_answers_are_fresh() -> None:
    pace = Pace(first=32, least=1, most=1000, stretch=1.5)
    pace.note(0.040, rows=11, prompt_tokens=0)
    pace.note(0.060, rows=16, prompt_tokens=0)
    pace.note(0.080, rows=11, prompt_tokens=40)
    later, fresh = (pace.budget(11, 16, fresh=fresh) for fresh in (False, True))
    assert 49 <= later <= 50
    assert 409 <= fresh <= 410  # five times as long a step: 1.5 * 60 ms * 5, less 40 ms, at 1 ms a token
