//! The project's rules, as tests over its own files and manifests.

mod edges;
mod examples;
mod manifests;
mod purity;
mod repository;
mod sources;
