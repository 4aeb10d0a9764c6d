//! What is kept and said of a build: JUnit XML, the HTML report, the ordered log and its frame, the summary.
//!
//! Everything here is made from a [`coordinator::view::BuildReport`] and knows nothing of how that came about.

pub mod ansi;
pub mod go2015;
pub mod html;
pub mod junit;
pub mod logfile;
pub mod summary;
pub mod text;
