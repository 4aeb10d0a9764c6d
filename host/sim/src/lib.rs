//! The engine under virtual time, with seeded faults and invariants.
