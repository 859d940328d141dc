"""Members that the languages' own types have: that a tree defines one too says nothing.

Names are matched without types here, so that `found.items()` would be taken for the tree's own
`items`. What is left out too much costs a row; what is left in costs the truth of one.
"""

from __future__ import annotations

import builtins

from tree_files import words

_PYTHON = {
    name
    for kind in (str, bytes, list, dict, set, int, float, object, type, Exception, property)
    for name in dir(kind)
}
_OTHERS = """
    acquire add addAll all and any append apply arguments as_mut as_ref as_str await bind body
    borrow build bytes call cancel catch charAt children class clear clone close code collect concat
    config connect contains containsKey content context copy count create data debug default delete
    description detail details done drain emit empty end endsWith entries enumerate equals err
    errno error errors every exec exists exit expect extend extra fetch field fields filename fill
    filter finally find findIndex first flat flatMap flush fmt forEach format from fs get getClass
    getMessage getName getString group handle has hash hashCode head headers hex host id includes
    index indexOf info init inner insert instance into invoke is_empty is_none is_some isEmpty
    isArray items iter join json key keys kind label last lastIndexOf len length level line list
    load lock log main map match max message metadata method min mode model module msg name names
    needle new next node notify now number observe of offset ok okay on once open options or output
    params parent parse part parts path peek poll pop port position post print printStackTrace
    process properties props push put putAll query raise raw read readline recv reduce register
    reject remove removeAll render repeat replace replaceAll request res reset resolve response
    result results resume return reverse root run schema scope search send session set setName
    settings shift shutdown signal size sleep slice some sort source spawn splice split
    stack start startsWith state status stop store stream string strip style submit subscribe
    substring success tag target task test text then throw time timeout timestamp title to
    toArray toJSON toLowerCase toString toUpperCase token tool tools trim type unlock unshift unwrap
    update url usage user value valueOf values version view wait warn warning with write
    yield Add Bool Byte Bytes Call Close Code Context Copy Data Done Elem Err Error Errorf Exported
    Fatal Field Fields Flush Format Get ID Index Int Interface Is IsNil IsValid Key Kind Len Less
    Lock Map Message Method Methods Name New Next NumField Offset Params Parse Path Print Printf
    Println Put Read Request Reset Response Result Run Set Size Slice Sort Split Sprintf Start
    Status Stop String Struct Swap Tag Text Time Type Uint Unlock Unwrap Value Version Wait Write
"""
# What every file of a language may name without an import.
GLOBALS = words(
    """Array ArrayBuffer Atomics BigInt Boolean Buffer Date Error Float64Array Function Integer Intl
    JSON Long Map Math Node Number Object Objects Option Promise Proxy Reflect RegExp Result Set
    String Symbol System Vec WeakMap WeakRef WeakSet alloc append bool byte console core document
    error globalThis int kotlin navigator performance process std string super window"""
) | frozenset(dir(builtins))
COMMON = GLOBALS | frozenset(_PYTHON) | words(_OTHERS)
