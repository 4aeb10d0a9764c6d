//! The reports of finished builds, read back.

mod fixture;
mod go2015;
mod html;
mod junit;
mod large;
mod summary;
mod trace;
