//! Another file.

/// Twice.
///
/// ```
/// assert_eq!(app::more::twice(2), 4);
/// ```
pub fn twice(a: u8) -> u8 {
    2 * a
}
