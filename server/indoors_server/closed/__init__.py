"""Closed APIs: a refactoring that a person asked for, shown byte for byte before it is sent.

bodies     messages -> the body of a request; bytes of an answer -> its text   (no IO)
secrets    what in a body must not leave       redaction  what in it need not
consent    who agreed to what, for which folder, until when       (written by a command only)
ledger     how much was sent this month        locks      the six locks, in their order
preview    what a person is shown              sending    one question, one answer
edits      the editor's side                   spoken     what each API wants beside a body
"""
