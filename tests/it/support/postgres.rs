//! A PostgreSQL server of a test's own: the store's own tests start it the same way.

#[path = "../../../host/store/tests/it/postgres.rs"]
mod of_store;

pub(crate) use of_store::Postgres;
