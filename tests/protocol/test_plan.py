"""What a protocol measures when nothing else is said, and what its options say."""

from har.protocol.plan import CEILING_STEPS, STANDARD_STEPS, ProtocolRequest, make_plan, split_overrides


def test_by_default_the_standard_datasets_are_left_out_that_are_prepared(data, tmp_path, monkeypatch):
    monkeypatch.setattr("har.protocol.plan.LEFT_OUT", ("sim_belt", "x", "sim_watch"))
    plan = make_plan(ProtocolRequest(out=tmp_path, data=data))
    assert plan.datasets == ["sim_belt", "sim_watch"] and plan.seeds == [0, 1, 2]
    assert plan.references == ["forest", "frozen", "ceiling"]
    assert (plan.steps, plan.ceiling_steps) == (STANDARD_STEPS, CEILING_STEPS)


def test_overrides_may_come_in_one_option_or_several():
    assert split_overrides(["--WIDTH=16 --depth 2", "--STEM_WIDTHS=8,8"]) == [
        "--WIDTH=16",
        "--DEPTH=2",
        "--STEM_WIDTHS=8,8",
    ]
