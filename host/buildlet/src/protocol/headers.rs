//! Names of headers and trailers. All of `X-Muster-*` is described in `docs/buildlet-extensions.md`.

/// The trailer of `/exec`: `ok`, or Go's text of how the process ended. The protocol's own.
pub const PROCESS_STATE: &str = "Process-State";

/// Request: the client knows the additions (`1`). Without it everything is as Go's.
pub const MUSTER: &str = "X-Muster";
/// Request: the id of an exec, chosen by the caller.
pub const EXEC_ID: &str = "X-Muster-Exec-Id";
/// Request: `1` attaches to an exec that must exist already; it never starts one.
pub const ATTACH: &str = "X-Muster-Attach";
/// Request: the first byte of output wanted.
pub const OFFSET: &str = "X-Muster-Offset";
/// Request: the number of the lease the request is made under.
pub const LEASE: &str = "X-Muster-Lease";
/// Request: the time the command may run, in milliseconds.
pub const DEADLINE_MS: &str = "X-Muster-Deadline-Ms";
/// Request: most memory of the command's processes, in bytes.
pub const LIMIT_MEMORY: &str = "X-Muster-Limit-Memory";
/// Request: most processor time, in thousandths of one processor.
pub const LIMIT_CPU_MILLIS: &str = "X-Muster-Limit-Cpu-Millis";
/// Request: most processes and threads.
pub const LIMIT_PIDS: &str = "X-Muster-Limit-Pids";
/// Response: whether limits and usage are enforced for this exec (`cgroup-v1`, `cgroup-v2` or `none`).
pub const LIMITED_BY: &str = "X-Muster-Limited-By";

/// Request header or response trailer: SHA-256 of the body as transferred, in hex.
pub const DIGEST: &str = "X-Muster-Sha256";
/// Request: `1` asks that symbolic links in the archive are made, not dropped.
pub const SYMLINKS: &str = "X-Muster-Symlinks";

/// Trailer: the end record of an exec, as JSON.
pub const EXEC_END: &str = "X-Muster-End";
/// Response: why a request was refused, as one word: `gone`, `lease`, `disk-full`, `busy`.
pub const REASON: &str = "X-Muster-Reason";
