//! A harness of its own, which takes no arguments.

fn main() {
    assert_eq!(std::env::args().count(), 1, "it is run as cargo does");
}
