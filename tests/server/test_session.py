"""Documents as an editor edits them, against a reference that holds UTF-16 code units."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indoors_server.positions import Encoding
from indoors_server.session import Change, Session, path_of, scheme_of

URI = "file:///w/src/a.py"
texts = st.text(alphabet="ab \n\ré😀\u2028", max_size=40)


def opened(text: str, encoding: Encoding = "utf-16") -> Session:
    session = Session()
    session.encoding = encoding
    session.open(URI, "python", 1, text)
    return session


def text_of(session: Session) -> str:
    snapshot = session.snapshot(URI)
    assert snapshot
    return snapshot.document.text


@given(texts, st.sampled_from(["utf-8", "utf-16", "utf-32"]), st.data())
def test_changes_keep_both_sides_equal(text: str, encoding: Encoding, data: st.DataObject) -> None:
    """Whatever an editor replaces, we hold what it holds."""
    session = opened(text, encoding)
    editor = text
    for version in range(2, 6):
        snapshot = session.snapshot(URI)
        assert snapshot
        # A client never puts a position between \r and \n: that is inside one line end.
        legal = [
            offset for offset in range(len(editor) + 1) if editor[offset - 1 : offset + 1] != "\r\n"
        ]
        start, end = sorted(data.draw(st.tuples(st.sampled_from(legal), st.sampled_from(legal))))
        new = data.draw(st.text(alphabet="xy\n😀", max_size=5))
        corners = (
            *snapshot.lines.position(start, encoding),
            *snapshot.lines.position(end, encoding),
        )
        session.change(URI, version, [Change(new, corners)])
        editor = editor[:start] + new + editor[end:]
        assert text_of(session) == editor


@given(texts, st.tuples(*[st.integers(-2, 2**31)] * 4), texts)
def test_no_range_raises(text: str, corners: tuple[int, int, int, int], new: str) -> None:
    session = opened(text)
    assert session.change(URI, 2, [Change(new, corners)])
    assert new in text_of(session)


def test_a_snapshot_never_changes() -> None:
    """I11."""
    session = opened("old")
    snapshot = session.snapshot(URI)
    session.change(URI, 2, [Change("new")])
    assert snapshot
    assert snapshot.document.text == "old"
    assert snapshot.lines.text == "old"
    with pytest.raises(AttributeError):
        snapshot.document.text = "x"  # type: ignore[misc]


def test_a_document_never_opened_is_not_read_from_disk(tmp_path) -> None:
    path = tmp_path / "a.py"
    path.write_text("secret")
    session = Session()
    assert session.snapshot(path.as_uri()) is None
    assert not session.change(path.as_uri(), 2, [Change("x")])


def test_the_same_document_under_another_spelling_of_its_uri() -> None:
    session = Session()
    session.open("file:///w/a%20b.py", "python", 1, "text")
    assert session.snapshot("file:///w/a b.py")


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("file:///w/src/a.py", "src/a.py"),
        ("file:///elsewhere/b.py", "b.py"),
        ("untitled:Untitled-1", "Untitled-1"),
        ("vscode-notebook-cell:/w/plot.ipynb#W0sZmlsZQ%3D%3D", "plot.ipynb"),
        ("file:///w/a%20%C3%A9.py", "a é.py"),
    ],
)
def test_the_path_to_show(uri: str, path: str) -> None:
    session = Session()
    session.add_folder("file:///w")
    session.open(uri, "python", 1, "")
    snapshot = session.snapshot(uri)
    assert snapshot
    assert snapshot.document.path == path


@pytest.mark.parametrize(
    ("uri", "root", "asked"),
    [
        ("file:///w/src/a.py", "/w", "src/a.py"),
        ("file:///home/me/secrets/a.py", "", "/home/me/secrets/a.py"),
        ("untitled:Untitled-1", "", "Untitled-1"),
        ("untitled:/w/new.py", "", "new.py"),
        ("vscode-notebook-cell:/w/plot.ipynb#W0", "", "plot.ipynb"),
        ("vscode-notebook-cell:/home/me/.aws/plot.ipynb#W0", "", "/home/me/.aws/plot.ipynb"),
    ],
)
def test_whose_file_a_document_is_and_what_a_policy_is_asked_about(
    uri: str, root: str, asked: str
) -> None:
    session = Session()
    session.add_folder("file:///w")
    session.open(uri, "python", 1, "")
    snapshot = session.snapshot(uri)
    assert snapshot is not None
    assert (snapshot.document.root, snapshot.policy_path) == (root, asked)


def test_the_innermost_folder_counts() -> None:
    session = Session()
    session.add_folder("file:///w")
    session.add_folder("file:///w/src")
    session.open(URI, "python", 1, "")
    snapshot = session.snapshot(URI)
    assert snapshot
    assert (snapshot.folder, snapshot.document.path) == ("/w/src", "a.py")


@pytest.mark.parametrize(
    "uri", ["", ":", "file:", "http://[", "file:///%zz", "x" * 9000, "file://\ud800", "C:\\a.py"]
)
def test_any_string_may_be_a_uri(uri: str) -> None:
    session = Session()
    session.add_folder(uri)
    session.open(uri, "python", 1, "text")
    assert session.snapshot(uri)
    assert isinstance(path_of(uri) + scheme_of(uri), str)


def test_windows_drives_keep_no_leading_slash() -> None:
    assert path_of("file:///c%3A/src/a.py") == "c:/src/a.py"
