"""A test in a browser that failed for a cause that is not ours is run once more: the hooks of it.

VS Code looks at its settings file, and at which element has the focus, in its own time: once in
some hundred steps a key or a change is lost that no person would lose, and something is waited for
in vain. So only a wait that timed out, and the browser's driver itself, are such a cause; what was
on the screen and should not have been is never. The few that were run again are named at the end.
From the fourth on a failure counts at once, so that a race of ours is not swallowed.
"""

from __future__ import annotations

import pytest
from _pytest.runner import runtestprotocol
from _pytest.terminal import TerminalReporter

from support.code_server import Waited

MOST = 3
RAISED = pytest.StashKey[BaseException]()
AGAIN = pytest.StashKey[list[str]]()


def is_foreign(error: BaseException | None) -> bool:
    """Whether a failure may be one that is not ours."""
    # The driver is asked by name: tests that need no browser run without it.
    return isinstance(error, Waited) or type(error).__module__.startswith("playwright.")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> pytest.TestReport:
    """Remember what a test raised first."""
    if call.excinfo is not None and RAISED not in item.stash:
        item.stash[RAISED] = call.excinfo.value
    report: pytest.TestReport = yield  # type: ignore[misc]
    return report


def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Run a test in a browser, and once more where that is allowed."""
    is_long = item.get_closest_marker("soak") is not None
    if "chromium" not in getattr(item, "fixturenames", ()) or is_long:
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    reports = runtestprotocol(item, log=False, nextitem=nextitem)
    first = next((report for report in reports if report.failed), None)
    again = item.config.stash.setdefault(AGAIN, [])
    if first is not None and is_foreign(item.stash.get(RAISED, None)) and len(again) < MOST:
        again.append(item.nodeid)
        said = item.config.pluginmanager.get_plugin("terminalreporter")
        if said is not None:
            said.ensure_newline()
            said.write_line(f"{item.nodeid}: once more, after\n{first.longreprtext}")
        item._initrequest()  # type: ignore[attr-defined]
        reports = runtestprotocol(item, log=False, nextitem=nextitem)
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Name what was run again."""
    again = terminalreporter.config.stash.get(AGAIN, [])
    if again:
        terminalreporter.section(f"run once more: {len(again)} of at most {MOST}")
        for nodeid in again:
            terminalreporter.write_line(nodeid)
