//! A crate with tests of every kind.
//!
//! ```
//! assert_eq!(app::add(1, 2), 3);
//! ```

/// Adds.
///
/// ```
/// assert_eq!(app::add(1, 2), 4, "as it is meant to fail");
/// ```
/// ```no_run
/// loop {}
/// ```
/// ```compile_fail
/// let x: u8 = "";
/// ```
/// ```ignore
/// nothing
/// ```
/// ```should_panic
/// panic!();
/// ```
pub fn add(a: u8, b: u8) -> u8 {
    a + b
}

/// Reads a file of the crate, by the path that was compiled in.
///
/// ```
/// assert_eq!(app::data(), "data\n");
/// let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
/// assert!(std::path::Path::new(manifest).exists());
/// ```
pub fn data() -> String {
    let path = std::env::var("CARGO_MANIFEST_DIR").unwrap();
    std::fs::read_to_string(std::path::Path::new(&path).join("data/data.txt")).unwrap()
}

pub mod more;

#[cfg(test)]
mod tests {
    #[test]
    fn passes() {
        println!("captured {}", super::add(1, 1));
    }

    #[test]
    #[should_panic(expected = "on purpose")]
    fn panics() {
        panic!("on purpose");
    }

    #[test]
    #[ignore = "too slow"]
    fn ignored() {}

    #[test]
    fn fails() {
        assert_eq!(super::add(1, 2), 4, "the sum");
    }

    #[test]
    #[cfg(feature = "extra")]
    fn extra() {}

    #[test]
    fn child_says_something() {
        std::process::Command::new("printf").arg("half a line").status().unwrap();
    }

    #[test]
    fn prints_what_looks_like_a_test() {
        print!("test tests::passes ... FAILED\nfailures:\n    tests::passes\n");
    }
}
