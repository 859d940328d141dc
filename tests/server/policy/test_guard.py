"""What is narrower counts at once, what is wider waits: the policy in force never enlarges."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from indoors_server.policy.decision import merge, widened
from indoors_server.policy.guard import Guard
from indoors_server.policy.layers import Layer
from support.policies import A, B, C, allowed, layer, layers

stacks = st.lists(layers("machine", "user", "workspace"), max_size=3)


@given(stacks, st.lists(stacks, min_size=1, max_size=4))
def test_the_policy_in_force_never_enlarges(first: list[Layer], later: list[list[Layer]]) -> None:
    guard = Guard(merge(first))
    for stack in later:
        before, offered = guard.policy, merge(stack)
        offer = guard.offer(offered)
        assert offer.policy == guard.policy
        assert allowed(guard.policy) <= allowed(before) & allowed(offered)
        assert widened(guard.policy, before) == ()
        assert set(offer.waiting) == set(widened(offered, before))
        assert bool(offer.narrowed) == (guard.policy.hash != before.hash)
        assert guard.policy.problems == offered.problems


def test_key_by_key() -> None:
    guard = Guard(merge([layer("user", {"mode": "closed", "onprem_hosts": [A], "strict": True})]))
    offered = merge([layer("machine", {"mode": "local", "onprem_hosts": [A, B], "strict": False})])
    offer = guard.offer(offered)
    assert (offer.narrowed, offer.waiting) == (("mode",), ("strict", "onprem_hosts"))
    assert guard.policy.origin("mode").layer == "machine"
    assert guard.policy.origin("strict").layer == "user"
    assert guard.policy.onprem_hosts == (A,)
    assert "narrower now: mode." in offer.message
    assert "Restart the server" in offer.message


def test_the_same_again_is_no_news() -> None:
    found = merge([layer("user", {"mode": "onprem", "deny_paths": ["x/"]})])
    guard = Guard(found)
    assert guard.offer(found).message == ""
    assert guard.policy.origin("deny_paths", "x/").layer == "user"
    assert guard.policy == found


def test_a_host_that_becomes_closed_is_taken_back_at_once() -> None:
    guard = Guard(merge([layer("user", {"mode": "closed", "onprem_hosts": [A, C]})]))
    guard.offer(merge([layer("user", {"mode": "closed", "closed_hosts": [C]})]))
    assert not guard.policy.may_send("a.py", C, "inline")
    assert not guard.policy.may_send("a.py", C, "refactor")
