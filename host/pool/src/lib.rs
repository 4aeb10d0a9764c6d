//! The pool port, and the pools of the host: local processes and machines by URL.
