//! What is kept and said of a build: JUnit XML, the HTML report, the ordered log and its frame, the summary, its trace.
//!
//! Everything here is made from a [`coordinator::view::BuildReport`] and knows nothing of how that came about; but for
//! the trace, which is made from the facts themselves.

pub mod ansi;
pub mod go2015;
pub mod html;
pub mod junit;
pub mod logfile;
pub mod otlp;
pub mod summary;
pub mod text;
pub mod trace;
