//! A macro.

use proc_macro::TokenStream;

/// Seven.
///
/// ```
/// assert_eq!(derive::seven!(), 7);
/// ```
#[proc_macro]
pub fn seven(_: TokenStream) -> TokenStream {
    "7".parse().unwrap()
}

#[test]
fn of_the_macro() {}
