//! The HTML report: one self-contained file with a timeline, one lane per machine.
//!
//! The page is bounded however many tests there are: rows, failures and bars beyond a bound are counted and the page
//! says so. Its script only filters rows and opens failures; without script everything is readable.

mod page;
mod table;
mod timeline;

pub use page::write;
pub use table::{Bounded, Failure, failures};
pub use timeline::{Timeline, timeline};
