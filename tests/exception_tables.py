"""The exception tables of Shared Storage (sections 2 to 5, 8) and Private Aggregation (sections 1 and 2), row by row.

These sections leave out how some messages begin: what is given here is how they end.
"""

from __future__ import annotations

Row = tuple[str, str]
"""What is called, and ``Name: end of the message``; "resolves" where nothing is thrown."""

RESOLVES = "resolves"
KEY = 'DataError: Length of the "key" parameter is not valid'
VALUE = 'DataError: Length of the "value" parameter is not valid'
LOCK = "DataError: Lock name cannot start with '-'"
LONG = "'x'.repeat(2621441)"

WRITERS: list[Row] = [
    ("set()", "TypeError: 2 arguments required, but only 0 present."),
    ("set('a')", "TypeError: 2 arguments required, but only 1 present."),
    ("append('a')", "TypeError: 2 arguments required, but only 1 present."),
    ("delete()", "TypeError: 1 argument required, but only 0 present."),
    ("set('a', 'b', 5)", "TypeError: The provided value is not of type 'SharedStorageSetMethodOptions'."),
    ("append('a', 'b', 5)", "TypeError: The provided value is not of type 'SharedStorageModifierMethodOptions'."),
    ("delete('a', 5)", "TypeError: The provided value is not of type 'SharedStorageModifierMethodOptions'."),
    ("clear(5)", "TypeError: The provided value is not of type 'SharedStorageModifierMethodOptions'."),
    ("set(Symbol(), 'b')", "TypeError: Cannot convert a Symbol value to a string"),
    ("set('', 'b')", KEY),
    ("append('', 'b')", KEY),
    ("delete('')", KEY),
    (f"set({LONG}, 'b')", KEY),
    (f"append({LONG}, 'b')", KEY),
    (f"delete({LONG})", KEY),
    (f"set('a', {LONG})", VALUE),
    (f"append('a', {LONG})", VALUE),
    ("set('a', 'b', { withLock: '-l' })", LOCK),
    ("append('a', 'b', { withLock: '-l' })", LOCK),
    ("delete('a', { withLock: '-l' })", LOCK),
    ("clear({ withLock: '-l' })", LOCK),
    ("batchUpdate([], { withLock: '-l' })", LOCK),
    ("batchUpdate([5])", "TypeError: Failed to convert value to 'SharedStorageModifierMethod'."),
    ("batchUpdate([{}])", "TypeError: Failed to convert value to 'SharedStorageModifierMethod'."),
    (
        "batchUpdate([new SharedStorageClearMethod({ withLock: 'l' })])",
        "DataError: The 'withLock' option is not allowed for methods within batchUpdate()",
    ),
    ("set(null, undefined)", RESOLVES),
    ("set('a', '')", RESOLVES),
    ("set('a', 'b', { withLock: '' })", RESOLVES),
    ("delete('never there')", RESOLVES),
    ("batchUpdate([])", RESOLVES),
]
"""Methods of ``sharedStorage`` in pages and in worklets alike (section 2)."""

CONSTRUCTORS: list[Row] = [
    ("new SharedStorageModifierMethod()", "TypeError: Illegal constructor"),
    ("new SharedStorageSetMethod('', 'b')", KEY),
    (f"new SharedStorageSetMethod('a', {LONG})", VALUE),
    ("new SharedStorageAppendMethod('', 'b')", KEY),
    (f"new SharedStorageAppendMethod('a', {LONG})", VALUE),
    ("new SharedStorageDeleteMethod('')", KEY),
    ("new SharedStorageSetMethod('a', 'b', { withLock: '-l' })", LOCK),
    ("new SharedStorageClearMethod({ withLock: '-l' })", LOCK),
]

NOT_CALLED = "OperationError: sharedStorage.worklet.addModule() has to be called before "
PAGE: list[Row] = [
    ("sharedStorage.get('a')", "OperationError: Cannot call get() outside of a fenced frame."),
    ("sharedStorage.length()", "TypeError: sharedStorage.length is not a function"),
    ("sharedStorage.worklet.addModule('http://[x')", "DataError: The module script url is invalid."),
    ("sharedStorage.createWorklet('http://[x')", "DataError: The module script url is invalid."),
    ("w.addModule('/w.js')", "OperationError: addModule() can only be invoked once per worklet."),
    (
        "sharedStorage.createWorklet('data:text/javascript,', { dataOrigin: 'script-origin' })",
        "InvalidAccessError: The shared storage method is not allowed to have an opaque data origin",
    ),
    ("sharedStorage.createWorklet('data:text/javascript,')", "OperationError: data: module script url is not allowed."),
    (
        "sharedStorage.createWorklet('/w.js', { dataOrigin: 'nope' })",
        'TypeError: The "dataOrigin" parameter is not a valid keyword or URL.',
    ),
    (
        "sharedStorage.createWorklet('/w.js', { credentials: 'nope' })",
        "TypeError: The provided value 'nope' is not a valid enum value of type RequestCredentials.",
    ),
    ("sharedStorage.run('op')", f"{NOT_CALLED}run()."),
    ("sharedStorage.selectURL('op', [{ url: '/' }])", f"{NOT_CALLED}selectURL()."),
]
"""Sections 3 and 4, and the own worklet of a page that never called ``addModule``."""

URLS = 'DataError: Length of the "urls" parameter is not valid.'
METADATA = 'DataError: The metadata for the url at index 0 has an invalid or non-HTTPS report_url parameter "{}".'
CALLS: list[Row] = [
    ("w.run('op', { data: 'text' })", "TypeError: Failed to convert value to 'object'."),
    ("w.run('op', { data: 5 })", "TypeError: Failed to convert value to 'object'."),
    ("w.run('op', { data: { f() {} } })", "DataCloneError: f() {} could not be cloned."),
    ("w.selectURL('op', [])", URLS),
    ("w.selectURL('op', Array(9).fill({ url: '/' }))", URLS),
    ("w.selectURL('op', [{ url: 'http://[x' }])", 'DataError: The url "http://[x" is invalid.'),
    ("w.selectURL('op', [{}])", "TypeError: Required member is undefined."),
    (
        "w.selectURL('op', [{ url: '/', reportingMetadata: {} }])",
        "DataError: selectURL could not get reportingMetadata object attributes",
    ),
    (
        "w.selectURL('op', [{ url: '/', reportingMetadata: { click: 5 } }])",
        "DataError: selectURL reportingMetadata object attributes must be strings",
    ),
    (
        "w.selectURL('op', [{ url: '/', reportingMetadata: { click: 'http://x/' } }])",
        METADATA.format("http://x/"),
    ),
    (
        "w.selectURL('op', [{ url: '/', reportingMetadata: { click: 'http://[x' } }])",
        METADATA.format("http://[x"),
    ),
]
"""``run`` and ``selectURL``, section 5."""

CONFIG: list[Row] = [
    ("contextId: 'x'.repeat(65)", "DataError: contextId length cannot be larger than 64"),
    ("contextId: 'é'.repeat(33)", "DataError: contextId length cannot be larger than 64"),
    ("aggregationCoordinatorOrigin: 'nope'", "SyntaxError: aggregationCoordinatorOrigin must be a valid origin"),
    ("aggregationCoordinatorOrigin: 'data:,'", "SyntaxError: aggregationCoordinatorOrigin must be a valid origin"),
    (
        "aggregationCoordinatorOrigin: 'https://nobody.test'",
        "DataError: aggregationCoordinatorOrigin must be on the allowlist",
    ),
    ("filteringIdMaxBytes: 0", "DataError: filteringIdMaxBytes must be positive"),
    ("filteringIdMaxBytes: 9", "DataError: filteringIdMaxBytes is too big"),
    ("filteringIdMaxBytes: -1", "TypeError: "),
    ("filteringIdMaxBytes: NaN", "TypeError: "),
    ("maxContributions: 0", "DataError: maxContributions must be positive"),
    ("maxContributions: -1", "TypeError: "),
    ("contextId: ''", RESOLVES),
    ("contextId: 'x'.repeat(64)", RESOLVES),
    ("filteringIdMaxBytes: 8", RESOLVES),
    ("maxContributions: 1e6", RESOLVES),
    ("aggregationCoordinatorOrigin: 'https://publickeyservice.msmt.gcp.privacysandboxservices.com/path'", RESOLVES),
]
"""``privateAggregationConfig`` (Private Aggregation, section 2)."""

INSIDE: list[Row] = [
    ("sharedStorage.get()", "TypeError: 1 argument required, but only 0 present."),
    ("sharedStorage.get('')", 'DataError: Length of the "key" parameter is not valid.'),
    ("(async () => { for await (const x of sharedStorage); })()", "TypeError: sharedStorage is not async iterable"),
    ("import('/x.js')", "TypeError: import() is disallowed on WorkletGlobalScope."),
    (
        "navigator.locks.query()",
        "SecurityError: Failed to execute 'query' on 'LockManager': Access to the Locks API is denied in this context.",
    ),
    ("register('x')", "TypeError: 2 arguments required, but only 1 present."),
    ("register('x', {})", "TypeError: parameter 2 is not of type 'Function'."),
    ("register('', class { run() {} })", "DataError: Operation name cannot be empty."),
    ("register('op', class { run() {} })", "DataError: Operation name already registered."),
    ("register('x', () => 1)", "TypeError: constructor prototype is not an object"),
    ("register('x', class {})", 'TypeError: Property "run" doesn\'t exist'),
    ("register('x', class { get run() { return 5; } })", 'TypeError: "run" is not a function'),
]
"""Section 8."""

BUCKET = "DataError: contribution['bucket'] is negative or does not fit in 128 bits"
FILTERING_ID = "DataError: contribution['filteringId'] is negative or does not fit in byte size"
CONTRIBUTIONS: list[Row] = [
    ("", "TypeError: 1 argument required, but only 0 present."),
    ("{ value: 1 }", "TypeError: Required member is undefined."),
    ("{ bucket: 1n }", "TypeError: Required member is undefined."),
    (
        "{ bucket: 1, value: 1 }",
        "TypeError: 'bucket' property from 'PrivateAggregationHistogramContribution': Cannot convert 1 to a BigInt",
    ),
    ("{ bucket: '1234', value: 1 }", RESOLVES),
    ("{ bucket: true, value: 1 }", RESOLVES),
    ("{ bucket: 'abc', value: 1 }", "SyntaxError: Cannot convert abc to a BigInt"),
    ("{ bucket: -1n, value: 1 }", BUCKET),
    ("{ bucket: 1n << 128n, value: 1 }", BUCKET),
    *((f"{{ bucket: 1n, value: {value} }}", RESOLVES) for value in ("2.9", "'3'", "NaN", "4294967297", "0")),
    ("{ bucket: 1n, value: 2147483648 }", "DataError: contribution['value'] is negative"),
    ("{ bucket: 1n, value: -1 }", "DataError: contribution['value'] is negative"),
    ("{ bucket: 1n, value: 1n }", "TypeError: Cannot convert a BigInt value to a number"),
    ("{ bucket: 1n, value: 1, filteringId: 3 }", "TypeError: Cannot convert 3 to a BigInt"),
    ("{ bucket: 1n, value: 1, filteringId: -1n }", FILTERING_ID),
    ("{ bucket: 1n, value: 1, filteringId: 256n }", FILTERING_ID),
    ("{ bucket: 1n, value: 1, filteringId: 1n << 64n }", FILTERING_ID),
    ("{ bucket: 1n, value: 1, more: 5 }", RESOLVES),
]
"""``contributeToHistogram`` (Private Aggregation, section 1)."""

DEBUG_KEY = "DataError: options['debugKey'] is negative or does not fit in 64 bits"
ONCE = "DataError: enableDebugMode may be called at most once"
DEBUG: list[Row] = [
    ("enable({ debugKey: -1n })", DEBUG_KEY),
    ("enable({ debugKey: 1n << 64n })", DEBUG_KEY),
    ("enable({})", "TypeError: Required member is undefined."),
    ("enable(5n)", "TypeError: The provided value is not of type 'PrivateAggregationDebugModeOptions'."),
    ("enable(null)", "TypeError: The provided value is not of type 'PrivateAggregationDebugModeOptions'."),
    ("enable(undefined)", RESOLVES),
    ("enable(), enable()", ONCE),
    ("(() => { try { enable({ debugKey: -1n }); } catch {} enable(); })()", ONCE),
]
"""``enableDebugMode`` (Private Aggregation, section 1)."""
