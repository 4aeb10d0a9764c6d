//! End to end: the real binary, real processes, real sockets, published projects. The tests stand in `it/`.
